package provisioning

import (
	"errors"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// ErrJournalOver says that a journal's step came too late: its visit ended, or the credential is in
// doubt already. Whoever runs the journal stops.
var ErrJournalOver = errors.New("the journal is over")

// step begins one step of the journal of a credential that must be in the given state.
func step(s Snapshot, now Now, act Act, id CredentialID, state CredentialState) (
	*draft, Credential, Visit, error,
) {
	c, ok := Get[Credential](s, string(id))
	if !ok || c.State != state {
		return nil, Credential{}, Visit{}, ErrJournalOver
	}
	v, ok := Get[Visit](s, string(c.Visit))
	if !ok || v.Credential != id {
		return nil, Credential{}, Visit{}, ErrJournalOver
	}
	d := newDraft(s, now, ActorDesk, act)
	d.about(v)
	d.detail("serial", SerialOf(c.Token))
	return d, c, v, nil
}

// Wrote: the slot was written and the token confirmed it. The touch is awaited.
func Wrote(s Snapshot, now Now, id CredentialID) (Change, error) {
	d, c, v, err := step(s, now, "token.written", id, CredentialPrepared)
	if err != nil {
		return Change{}, err
	}
	c.State, c.Since = CredentialWritten, now.At
	d.put(c)
	if t, ok := Get[Token](s, string(c.Token)); ok {
		t.Pending = ActNone
		d.put(t)
	}
	v.Progress, v.TouchBy = ProgressTouch, now.At.Add(TouchFor)
	d.keep(v)
	return d.change(), nil
}

// Mistouched: the token typed what it should not have typed, for the tries-th time.
func Mistouched(s Snapshot, now Now, id CredentialID, tries int) (Change, error) {
	d, _, v, err := step(s, now, "token.mistouched", id, CredentialWritten)
	if err != nil {
		return Change{}, err
	}
	v.Problem, v.Params = CodeOTPUnknown, map[string]string{"tries": strconv.Itoa(tries)}
	v.TouchBy = now.At.Add(TouchFor)
	d.keep(v)
	return d.change(), nil
}

// Proved: the token typed one of the codes its seed gives; next is the counter after it. The sealed
// proof goes to the verifier.
func Proved(s Snapshot, now Now, id CredentialID, next uint64, proof feed.Record) (Change, error) {
	d, c, v, err := step(s, now, "token.proven", id, CredentialWritten)
	if err != nil {
		return Change{}, err
	}
	d.publish(proof)
	c.State, c.Next, c.Proof = CredentialProven, next, proof.ID
	c.Position, c.Since = s.Position(), now.At
	d.put(c)
	v.Step, v.Progress, v.TouchBy = StepVerify, ProgressProven, time.Time{}
	v.Problem, v.Params, v.Position = "", nil, s.Position()
	d.keep(v)
	return d.change(), nil
}

// Failed ends a journal with a problem. Untouched promises that the slot is as it was: then the
// credential is revoked and nothing is in doubt. What was revoked to make room for it stays
// revoked.
func Failed(s Snapshot, now Now, id CredentialID, code Code, untouched bool) (Change, error) {
	c, _ := Get[Credential](s, string(id))
	if c.State != CredentialPrepared && c.State != CredentialWritten {
		return Change{}, ErrJournalOver
	}
	d, c, v, err := step(s, now, "token.failed", id, c.State)
	if err != nil {
		return Change{}, err
	}
	d.detail("code", string(code))
	if untouched {
		d.revoke(c, string(code))
		if t, ok := Get[Token](s, string(c.Token)); ok {
			t.State, t.Pending, t.Since = TokenStock, ActNone, now.At
			d.put(t)
		}
		v.Credential = ""
	} else {
		d.doubt(c, code)
		d.entry.Outcome = OutcomeDoubtful
	}
	d.fail(v, code, c.Token)
	return d.change(), nil
}

// fail puts a visit on its problem page.
func (d *draft) fail(v Visit, code Code, token TokenID) { d.failAt(v, code, token, "") }

// failAt is fail for a problem that has to do with another desk of the site.
func (d *draft) failAt(v Visit, code Code, token TokenID, desk string) {
	v.Step, v.Progress, v.TouchBy = StepProblem, ProgressNone, time.Time{}
	v.Problem, v.Params = code, map[string]string{"serial": SerialOf(token)}
	if desk != "" {
		v.Params["desk"] = desk
	}
	if len(d.records) > 0 {
		v.Position = d.s.Position()
	}
	d.keep(v)
}

// keep puts a visit the desk itself moved on. That is activity at the counter, but no reason to
// keep a held or parked visit any longer.
func (d *draft) keep(v Visit) {
	if v.State == VisitOpen {
		v.Deadline = deadline(v, d.now.At)
	}
	d.put(v)
}
