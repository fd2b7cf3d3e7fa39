package provisioning

import (
	"strconv"
	"time"
)

// The acts of a recovery, as entries and notices name them.
const (
	ActRecoveryTry    Act = "recovery.try"
	ActRecoveryFailed Act = "recovery.failed"
	ActRecoveryDone   Act = "recovery.done"
)

// ActorSelf is the actor of what a person does at the unattended view.
const ActorSelf = "self"

// TryRecovery counts one try before anything is judged, so that a crash between the two costs a try
// and never gives one away. It refuses, and records nothing, when there were too many tries at who,
// which TriedAs names, or from the address.
func TryRecovery(s Snapshot, site Site, now Now, who, address string) (Change, error) {
	byAccount := triesOf(s, "recovery-account", who, now.At)
	byAddress := triesOf(s, "recovery-address", address, now.At)
	limits := site.Recovery
	if byAccount.Count >= limits.PerAccount || byAddress.Count >= limits.PerAddress {
		return Change{}, Refuse(CodeRecoveryNo)
	}
	d := newDraft(s, now, ActorSelf, ActRecoveryTry)
	d.entry.Outcome = OutcomeIntended
	d.detail("address", address)
	d.put(byAccount.plus())
	d.put(byAddress.plus())
	return d.change(), nil
}

// FailRecovery records a recovery that did not match. A person whose account was named is told: the
// entry is about them.
func FailRecovery(s Snapshot, now Now, person Person, address string) Change {
	d := newDraft(s, now, ActorSelf, ActRecoveryFailed)
	d.entry.Outcome, d.entry.Person = OutcomeRefused, person.ID
	d.detail("address", address)
	if person.ID != "" {
		d.put(person)
	}
	return d.change()
}

// Recovered issues the recovery passcode (S63) of a person whose every answer matched. Nobody saw
// them, and the entry says so.
func Recovered(
	s Snapshot, site Site, now Now, person Person, address string, p PreparedPasscode,
) (Change, error) {
	terms, known := site.PasscodesOf(PasscodeRecovery)
	d := &decision{draft: newDraft(s, now, ActorSelf, ActRecoveryDone), site: site}
	d.entry.Person = person.ID
	rules := append([]rule{
		{"recovery.offered", refuseUnless(known, CodeRecoveryClosed)},
		{"passcode.role.S6", func() *Refusal { return eligible(site, person) }},
		{"passcode.verifier", func() *Refusal { return p.Trouble }},
		{"passcode.prepared", refuseUnless(p.matches(person.ID, PasscodeRecovery), CodeWrongStep)},
	}, d.limits(person.ID, "")...)
	if no := d.all(rules...); no != nil {
		return Change{}, no
	}
	account := triesOf(s, "recovery-account", TriedAs(person.ID, ""), now.At)
	account.Count = 0
	d.put(account)
	from := triesOf(s, "recovery-address", address, now.At)
	from.Count = max(0, from.Count-1)
	d.put(from)
	d.detail("address", address)
	d.put(person)
	d.detail("seen", "no")
	d.detail("kind", string(PasscodeRecovery))
	d.detail("until", now.At.Add(terms.Life()).Format(time.RFC3339))
	d.detail("uses", strconv.Itoa(terms.Uses*terms.Codes()))
	d.grant(p, terms, Passcode{Person: person.ID, Channel: ChannelSelf})
	return d.change(), nil
}

// RevealedAlone records that a person without an officer asked to see their passcode. It returns
// false when that is on record already, or there is nothing to see yet.
func RevealedAlone(s Snapshot, now Now, id PasscodeID) (Change, bool) {
	p, ok := Get[Passcode](s, string(id))
	if !ok || p.State != PasscodeLive || !p.Revealed.IsZero() {
		return Change{}, false
	}
	d := newDraft(s, now, ActorSelf, "passcode.reveal")
	d.entry.Person, d.entry.Credential = p.Person, CredentialID(p.ID)
	p.Revealed = now.At
	d.put(p)
	return d.change(), true
}

// eligible: the site serves people of this role (S6).
func eligible(site Site, person Person) *Refusal {
	for _, role := range site.Roles {
		if role == person.Role {
			return nil
		}
	}
	return Refuse(CodeRoleNotEligible, "role", person.Role)
}

// RecoveryLimits bound what strangers may try at the unattended view in a day.
type RecoveryLimits struct {
	// PerAccount and PerAddress are tries that failed.
	PerAccount int `toml:"per_account"`
	PerAddress int `toml:"per_address"`
}
