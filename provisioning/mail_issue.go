package provisioning

import (
	"fmt"
	"strconv"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// IssueByMail issues a short passcode on a request that came by mail (S53). The number and the
// first four characters of the identity card were compared before the order is made; the person was
// not seen. It goes to the registered contact and nowhere else.
type IssueByMail struct {
	Person                   Person
	Situation, Justification string
	// Request is the message it answers, if it came out of the mailbox.
	Request RequestID
	// Prepared is filled in by the runner.
	Prepared PreparedPasscode
}

// MailForm is what an officer fills in for somebody who wrote (S53).
type MailForm struct {
	By OfficerID
	Op OpID
	// Number is the staff or student number, Head the first four characters of the identity card.
	Number, Head             string
	Situation, Justification string
	// Request is the message it answers, if it came out of the mailbox.
	Request RequestID
}

// Format prints a constant: what is compared appears in no log.
func (MailForm) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(secret.Redacted)) }

// MissRequest records that what a message said of a person did not match. Who is whom it named, as
// TriedAs names them.
type MissRequest struct {
	Who     string
	Request RequestID
}

func (IssueByMail) command() {}
func (MissRequest) command() {}

// RequestTries is how many requests of one person may fail to match in a day; then a supervisor is
// asked (the counter is the way).
const RequestTries = 3

// MayRequest is asked before anything is compared: it refuses when too much failed to match at who,
// which TriedAs names.
func MayRequest(s Snapshot, site Site, now Now, who string) *Refusal {
	switch {
	case !site.MailRequests:
		return Refuse(CodeRequestClosed)
	case triesOf(s, "request", who, now.At).Count >= RequestTries:
		return Refuse(CodeRequestMisses)
	}
	return nil
}

// RequestTriesLeft is how often what is said of somebody may still fail to match today.
func RequestTriesLeft(s Snapshot, now Now, who string) int {
	return max(0, RequestTries-triesOf(s, "request", who, now.At).Count)
}

func (d *decision) missRequest(c MissRequest) *Refusal {
	before := triesOf(d.s, "request", c.Who, d.now.At)
	no := d.all(
		rule{"request.offered", refuseUnless(d.site.MailRequests, CodeRequestClosed)},
		rule{"request.misses", refuseUnless(before.Count < RequestTries, CodeRequestMisses)},
	)
	if no != nil {
		return no
	}
	tries := before.plus()
	d.put(tries)
	d.entry.Outcome = OutcomeRefused
	d.detail("seen", "no")
	d.detail("request", string(c.Request))
	d.detail("left", strconv.Itoa(max(0, RequestTries-tries.Count)))
	return nil
}

func (d *decision) issueByMail(c IssueByMail) *Refusal {
	person := c.Person
	d.entry.Person = person.ID
	situation, terms, known := d.site.PasscodeFor(c.Situation)
	words, no := d.text(c.Justification, true)
	if no != nil {
		return no
	}
	no = d.all(append([]rule{
		{"request.offered", refuseUnless(d.site.MailRequests, CodeRequestClosed)},
		d.notPerson(person.ID),
		{"passcode.role.S6", func() *Refusal { return eligible(d.site, person) }},
		{"passcode.situation.S56", refuseUnless(known, CodeSituationUnknown)},
		{"request.short.S53", refuseUnless(situation.Passcode == PasscodeShort, CodeRequestShort)},
		{"request.contact", refuseUnless(person.Mail != "", CodeRequestContact)},
		{"passcode.verifier", func() *Refusal { return c.Prepared.Trouble }},
		{"passcode.prepared", refuseUnless(c.Prepared.matches(person.ID, terms.Type),
			CodeWrongStep)},
	}, d.limits(person.ID, d.o.By)...)...)
	if no != nil {
		return no
	}
	d.put(person)
	d.entry.Rule = "request.mail.S53"
	d.detail("situation", c.Situation)
	d.detail("justification", words)
	d.detail("seen", "no")
	d.detail("request", string(c.Request))
	d.grant(c.Prepared, terms, Passcode{Person: person.ID, Officer: d.o.By,
		Situation: c.Situation, Justification: words, Channel: ChannelMail})
	return nil
}

// PasscodeNotDelivered: the message with the passcode did not leave.
const PasscodeNotDelivered PasscodeEnd = "not_delivered"

// SentByMail records what became of a passcode sent by mail: it is as good as revealed, or it is
// revoked.
func SentByMail(s Snapshot, now Now, id PasscodeID, ok bool) (Change, bool) {
	p, live := Get[Passcode](s, string(id))
	if !live || p.Channel != ChannelMail || !p.Revealed.IsZero() {
		return Change{}, false
	}
	d := newDraft(s, now, ActorDesk, "passcode.delivered")
	d.entry.Person, d.entry.Credential = p.Person, CredentialID(p.ID)
	if ok {
		p.Revealed = now.At
		d.put(p)
		return d.change(), true
	}
	d.entry.Outcome = OutcomeRefused
	d.endPasscode(p, PasscodeNotDelivered)
	return d.change(), true
}
