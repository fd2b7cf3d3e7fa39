package provisioning

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// judgePasscode takes the verifier's word about a passcode, once: its answer to the record, and
// later how the passcode ended.
func (d *draft) judgePasscode(verdict feed.Verdict) bool {
	p, ok := read[Passcode](d, verdict.Credential)
	if !ok || p.Record != verdict.Record {
		return false
	}
	v, at := d.visitOfPasscode(p)
	switch {
	case p.State == PasscodeIssued && verdict.Outcome == feed.InStep:
		p.State = PasscodeLive
		d.put(p)
	case p.State == PasscodeIssued && !verdict.Outcome.Ends():
		d.closePasscode(p, PasscodeRefused)
		code := passcodeCode(verdict)
		d.addTask(Task{ID: TaskID(verdict.Record), Why: code, Person: p.Person, Officer: p.Officer,
			Credential: CredentialID(p.ID)})
		if at {
			d.failPasscode(v, code, PasscodeRefused)
		}
	case verdict.Outcome.Ends():
		d.endedElsewhere(p, v, at, endOf(verdict.Outcome))
	default:
		return false
	}
	if at {
		d.about(v)
	}
	d.entry.Person, d.entry.Credential = p.Person, CredentialID(p.ID)
	return true
}

// endedElsewhere: the verifier ended it, so there is nothing to tell it.
func (d *draft) endedElsewhere(p Passcode, v Visit, at bool, why PasscodeEnd) {
	seen := !p.Revealed.IsZero()
	d.closePasscode(p, why)
	switch {
	case at && seen:
		v.Step, v.PasscodeEnd, v.ShownUntil = StepDone, why, time.Time{}
		d.keep(v)
	case at:
		d.failPasscode(v, CodePasscodeGone, why)
	}
}

func endOf(o feed.Outcome) PasscodeEnd {
	switch o {
	case feed.UsedUp:
		return PasscodeUsed
	case feed.Expired:
		return PasscodeExpired
	case feed.Replaced:
		return PasscodeReplaced
	case feed.Rebuilt:
		return PasscodeRebuilt
	}
	return PasscodeVoidEnrolled
}

// visitOfPasscode finds the visit that still has the passcode in hand.
func (d *draft) visitOfPasscode(p Passcode) (Visit, bool) {
	v, live := read[Visit](d, string(p.Visit))
	return v, live && v.Passcode == p.ID && v.Step == StepReveal
}

// failPasscode puts a visit on its problem page. Another passcode is one tap away there.
func (d *draft) failPasscode(v Visit, code Code, why PasscodeEnd) {
	v.Step, v.Problem, v.Params = StepProblem, code, nil
	v.PasscodeEnd, v.ShownUntil = why, time.Time{}
	if len(d.records) > 0 {
		v.Position = d.s.Position()
	}
	d.keep(v)
}

// voidPasscodes ends what a person had from before a new device was proven. The verifier does the
// same by itself, so that nothing has to be told.
func (d *draft) voidPasscodes(c Credential) {
	for p := range Find[Passcode](d.s, ByPerson, string(c.Person)) {
		if now, live := read[Passcode](d, p.Key()); live && now.Position < c.Position {
			d.closePasscode(now, PasscodeVoidEnrolled)
		}
	}
}

// dropUnseen revokes what the visit issued and its person never saw.
func (d *draft) dropUnseen(v Visit) {
	p, live := read[Passcode](d, string(v.Passcode))
	if v.Passcode != "" && live && p.Revealed.IsZero() {
		d.endPasscode(p, PasscodeNotRevealed)
		d.detail("unseen", string(p.ID))
	}
}

// LapsePasscode is what happens to a passcode whose time is over: the verifier never answered, the
// person never looked, or it has expired. It returns false when nothing is due.
func LapsePasscode(s Snapshot, now Now, id PasscodeID) (Change, bool) {
	p, ok := Get[Passcode](s, string(id))
	due, why, code := p.due(now)
	if !ok || !due {
		return Change{}, false
	}
	d := newDraft(s, now, ActorDesk, "passcode.lapse")
	v, at := d.visitOfPasscode(p)
	if at {
		d.about(v)
	}
	d.entry.Person, d.entry.Credential = p.Person, CredentialID(p.ID)
	d.detail("end", string(why))
	if why == PasscodeExpired {
		d.endedElsewhere(p, v, at, why)
		return d.change(), true
	}
	d.endPasscode(p, why)
	if at {
		d.failPasscode(v, code, why)
	}
	return d.change(), true
}

// due says whether the time of a passcode is over, and what the visit that has it says.
func (p Passcode) due(now Now) (bool, PasscodeEnd, Code) {
	after := func(t time.Time) bool { return !now.At.Before(t) }
	switch {
	case p.State == PasscodeIssued && after(p.At.Add(VerdictFor)):
		return true, PasscodeUnanswered, CodePasscodeUnanswered
	case p.Revealed.IsZero() && after(p.Keep):
		return true, PasscodeNotRevealed, CodePasscodeGone
	case now.Synced && after(p.Until):
		// The verifier judges by its own clock; this only keeps the desk's list true.
		return true, PasscodeExpired, CodePasscodeGone
	}
	return false, "", ""
}

// Due is when LapsePasscode has something to do, at the latest.
func (p Passcode) Due() time.Time {
	switch {
	case p.State == PasscodeIssued:
		return p.At.Add(VerdictFor)
	case p.Revealed.IsZero():
		return p.Keep
	}
	return p.Until
}

// recoverPasscode revokes what nobody saw before the desk stopped: its digits are gone.
func recoverPasscode(s Snapshot, now Now, p Passcode) Change {
	d := newDraft(s, now, ActorDesk, "passcode.recover")
	d.entry.Visit, d.entry.Person, d.entry.Credential = p.Visit, p.Person, CredentialID(p.ID)
	d.detail("was", string(p.State))
	d.endPasscode(p, PasscodeInterrupted)
	if v, at := d.visitOfPasscode(p); at {
		v.State, v.Turned = VisitHeld, false
		v.Deadline = deadline(v, now.At)
		d.failPasscode(v, CodePasscodeGone, PasscodeInterrupted)
	}
	return d.change()
}

// unseenPasscode finds one that nobody saw.
func unseenPasscode(s Snapshot) (Passcode, bool) {
	for _, state := range []PasscodeState{PasscodeIssued, PasscodeLive} {
		for p := range Find[Passcode](s, ByState, string(state)) {
			if p.Revealed.IsZero() {
				return p, true
			}
		}
	}
	return Passcode{}, false
}
