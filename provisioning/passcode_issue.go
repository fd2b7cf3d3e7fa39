package provisioning

import (
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// How long a passcode waits.
const (
	// VerdictFor: the verifier is up and says nothing about a passcode. Then it is given up.
	VerdictFor = 20 * time.Second
	// KeepFor: the desk holds the digits for the person to see, and not longer.
	KeepFor = 5 * time.Minute
	// ShowFor: the digits stand on the turned screen.
	ShowFor = 30 * time.Second
)

// askSecond puts the situation before a second officer. Nothing is issued yet.
func (d *decision) askSecond(c AskSecond) *Refusal {
	errand := refuseUnless(d.visit.Errand == ErrandPasscode, CodeWrongStep)
	if no := d.all(rule{"visit.step", errand}); no != nil {
		return no
	}
	_, terms, no := d.situated(c.Situation, c.Justification)
	if no != nil {
		return no
	}
	no = d.all(rule{"second.asked", refuseUnless(terms.SecondOfficer, CodeWrongStep)})
	if no == nil {
		no = d.all(d.underLimits()...)
	}
	if no != nil {
		return no
	}
	d.dropUnseen(d.visit)
	d.entry.Outcome = OutcomeIntended
	d.visit.Step = StepSecond
	return nil
}

// situated finds what a situation leads to, and keeps it in the visit. An empty key means the one
// the visit has.
func (d *decision) situated(key, justification string) (Situation, PasscodeTerms, *Refusal) {
	v := &d.visit
	if v.Step == StepChoose {
		v.begin(ErrandPasscode)
	}
	if key == "" && v.Errand == ErrandPasscode {
		key, justification = v.Situation, v.Justification
	}
	d.detail("situation", key)
	situation, terms, known := d.site.PasscodeFor(key)
	no := d.all(append(d.mayHavePasscode(),
		rule{"passcode.situation.S56", refuseUnless(known, CodeSituationUnknown)})...)
	if no != nil {
		return situation, terms, no
	}
	words, no := d.text(justification, situation.Justify)
	if no != nil {
		return situation, terms, no
	}
	d.detail("passcode", string(terms.Type))
	d.detail("justification", words)
	v.Errand, v.Situation, v.Justification = ErrandPasscode, key, words
	v.Problem, v.Params = "", nil
	return situation, terms, nil
}

// mayHavePasscode are the rules about the person: S6, and S52.
func (d *decision) mayHavePasscode() []rule {
	rules, _ := d.site.Permits(d.visit.Evidence)
	return []rule{
		{"passcode.offered", refuseUnless(len(d.site.Situations) > 0, CodeErrandUnknown)},
		{"identity.checked", refuseUnless(d.visit.Evidence != "", CodeWrongStep)},
		{"passcode.role.S6", d.eligibleRole},
		{"passcode.evidence.S52", refuseUnless(rules.Passcode, CodeEvidenceNotEnough)},
	}
}

// underLimits are the rules of how many, per person, per officer and per desk, on this day.
func (d *decision) underLimits() []rule { return d.limits(d.visit.Person, d.o.By) }

// limits are those rules for a person and whoever issues it; nobody does at a recovery.
func (d *decision) limits(person PersonID, by OfficerID) []rule {
	day, most := IssuedOn(d.s, d.site, d.now.At), d.site.PasscodeLimits
	under := func(id string, have, most int, code Code) rule {
		return rule{id, refuseUnless(have < most, code, "max", strconv.Itoa(most))}
	}
	return []rule{
		d.mayIssue(),
		under("passcode.limit.person", day.Of(person), most.Person, CodePasscodesOfPerson),
		under("passcode.limit.officer", day.Officers[by], most.Officer, CodePasscodesOfOfficer),
		under("passcode.limit.desk", day.Total, most.Desk, CodePasscodesOfDesk),
	}
}

// issuePasscode issues what the situation leads to. Nobody has seen a digit, and nobody does before
// the verifier has taken it.
func (d *decision) issuePasscode(c IssuePasscode) *Refusal {
	errand := d.visit.Step == StepChoose || d.visit.Errand == ErrandPasscode
	if no := d.all(rule{"visit.step", refuseUnless(errand, CodeWrongStep)}); no != nil {
		return no
	}
	_, terms, no := d.situated(c.Situation, c.Justification)
	if no != nil {
		return no
	}
	if no := d.all(d.underLimits()...); no != nil {
		return no
	}
	var second OfficerID
	if terms.SecondOfficer {
		if second, no = d.secondWord(); no != nil {
			return no
		}
	}
	p := c.Prepared
	no = d.all(
		rule{"passcode.verifier", func() *Refusal { return p.Trouble }},
		rule{"passcode.prepared", refuseUnless(p.matches(d.visit.Person, terms.Type), CodeWrongStep)},
	)
	if no != nil {
		return no
	}
	d.issue(p, terms, second)
	d.visit.Turned = d.visit.Turned || c.Turn
	return nil
}

// secondWord takes the second officer's approval, once.
func (d *decision) secondWord() (OfficerID, *Refusal) {
	approval, no := d.approved(ActPasscode, d.visit.Situation)
	if no != nil {
		return "", no
	}
	approval.Used = true
	d.put(approval)
	d.detail("second", string(approval.Officer))
	return approval.Officer, nil
}

// issue gives the visit's person the passcode.
func (d *decision) issue(p PreparedPasscode, terms PasscodeTerms, second OfficerID) {
	v := &d.visit
	d.dropUnseen(*v)
	d.entry.Rule = "passcode.situation.S56"
	d.grant(p, terms, Passcode{Person: v.Person, Officer: d.o.By, Second: second, Visit: v.ID,
		Situation: v.Situation, Justification: v.Justification, Channel: ChannelCounter,
		Evidence: v.Evidence})
	v.Passcode, v.PasscodeEnd, v.ShownUntil = p.ID, "", time.Time{}
	v.Step, v.Position = StepReveal, d.s.Position()
}

// grant puts the passcode, ends the one it replaces, counts it, and sends the sealed codes.
func (d *decision) grant(p PreparedPasscode, terms PasscodeTerms, row Passcode) {
	for old := range Find[Passcode](d.s, ByPerson, string(row.Person)) {
		if old.Type == terms.Type {
			d.endPasscode(old, PasscodeReplaced)
			d.takeFromVisit(old)
		}
	}
	row.ID, row.Type, row.Record, row.State = p.ID, terms.Type, p.Record.ID, PasscodeIssued
	row.Position, row.At, row.Until = d.s.Position(), d.now.At, d.now.At.Add(terms.Life())
	row.Uses, row.Count = terms.Uses, terms.Codes()
	row.Enrol, row.Keep = terms.For == PurposeEnrol, d.now.At.Add(KeepFor)
	d.put(row)
	d.put(IssuedOn(d.s, d.site, d.now.At).plus(row.Person, row.Officer))
	d.publish(p.Record)
	d.entry.Credential = CredentialID(p.ID)
	d.detail("channel", string(row.Channel))
}

// takeFromVisit: another visit had the passcode that was replaced in hand.
func (d *decision) takeFromVisit(p Passcode) {
	if v, at := d.visitOfPasscode(p); at && v.ID != d.visit.ID {
		d.failPasscode(v, CodePasscodeGone, PasscodeReplaced)
	}
}

// endPasscode ends a passcode and tells the verifier so.
func (d *draft) endPasscode(p Passcode, why PasscodeEnd) {
	d.publish(feed.Record{
		ID: d.id("record", string(p.ID)+string(why)), Desk: string(d.now.Desk),
		Kind: feed.KindState, Credential: string(p.ID), State: feed.StateRevoked,
		At: d.now.At.UTC().Truncate(time.Millisecond), Synced: d.now.Synced,
	})
	p.Position = d.s.Position()
	d.closePasscode(p, why)
}

// closePasscode ends a passcode that the verifier holds no more, or never did.
func (d *draft) closePasscode(p Passcode, why PasscodeEnd) {
	p.State, p.EndReason, p.Ended = PasscodeEnded, why, d.now.At
	d.put(p)
}

// revokePasscode ends a passcode on the spot. It is in force once the verifier has it.
func (d *decision) revokePasscode(c RevokePasscode) *Refusal {
	p, live := Get[Passcode](d.s, string(c.Passcode))
	no := d.all(rule{"passcode.known", refuseUnless(live && p.Person == d.visit.Person,
		CodePasscodeUnknown)})
	if no != nil {
		return no
	}
	d.endPasscode(p, PasscodeRevoked)
	d.detail("passcode", string(p.Type))
	d.detail("id", string(p.ID))
	v := &d.visit
	if v.Step == StepReveal && v.Passcode != p.ID {
		return nil
	}
	v.Errand, v.Step, v.Passcode, v.PasscodeEnd = ErrandPasscode, StepDone, p.ID, PasscodeRevoked
	v.ShownUntil, v.Position = time.Time{}, d.s.Position()
	v.Problem, v.Params = "", nil
	return nil
}
