//go:build crash

package main

import (
	"fmt"
	"slices"

	"github.com/tokendesk/tokendesk/provisioning"
)

// crashStage is how far a phase was, durably, when the desk was killed.
type crashStage string

const (
	stageBefore    crashStage = "before"
	stagePrepared  crashStage = "prepared"
	stageWriting   crashStage = "writing"
	stageWritten   crashStage = "written"
	stageTouch     crashStage = "touch"
	stageProven    crashStage = "proven"
	stageVerdict   crashStage = "verdict"
	stageDone      crashStage = "done"
	stageWiping    crashStage = "wiping"
	stageReturned  crashStage = "returned"
	stageLost      crashStage = "lost"
	stageSuspended crashStage = "suspended"
)

// crashStages are all of them, each phase in its order.
var crashStages = []crashStage{stageBefore, stagePrepared, stageWriting, stageWritten, stageTouch,
	stageProven, stageVerdict, stageDone, stageWiping, stageReturned, stageLost, stageSuspended}

// crashFacts are what is true of the token at the counter once everything has come to rest.
type crashFacts struct {
	// active: the desk has an active credential for it and an open loan.
	active bool
	// accepted: what it types signs the person in.
	accepted bool
	// listed: the operator and the officer are told that it is in doubt.
	listed bool
	loan   provisioning.LoanState
	token  provisioning.TokenState
}

// String is for a test that fails.
func (f crashFacts) String() string {
	return fmt.Sprintf("active %v, accepted %v, listed %v, loan %q, token %q", f.active, f.accepted,
		f.listed, f.loan, f.token)
}

// crashLaw is what must be true after a crash at a stage. A crash before anything was meant changes
// nothing, and has no row.
var crashLaw = map[crashStage]struct {
	crashFacts
	why string
}{
	stagePrepared: {crashDoubt, "nobody can know how much of the write the token took"},
	stageWriting:  {crashDoubt, "the token took the write and the desk does not know it"},
	stageWritten:  {crashDoubt, "the codes it should type are gone with the process"},
	stageTouch:    {crashDoubt, "what it typed was not recorded, and is spent"},
	stageProven:   {crashLent, "the proof is in the feed, and the verifier will judge it"},
	stageVerdict:  {crashLent, "the verifier repeats its verdict until the desk took it"},
	stageDone:     {crashLent, "it was active on the disk before anybody was told"},
	stageWiping: {crashFacts{listed: true, loan: provisioning.LoanOpen,
		token: provisioning.TokenDoubtful}, "revoked; nobody can know whether it was wiped"},
	stageReturned: {crashFacts{token: provisioning.TokenStock}, "wiped, the loan is closed"},
	stageLost: {crashFacts{loan: provisioning.LoanLost, token: provisioning.TokenLost},
		"revoked; the loan is lost and its fee is due"},
	stageSuspended: {crashFacts{loan: provisioning.LoanSuspended, token: provisioning.TokenLost},
		"suspended until it is lifted, or lost for good"},
}

var (
	crashDoubt = crashFacts{listed: true, token: provisioning.TokenDoubtful}
	crashLent  = crashFacts{active: true, accepted: true, loan: provisioning.LoanOpen,
		token: provisioning.TokenLoaned}
)

// crashTold are the stages that a screen may have told of, and those that bear it out: it tells of
// nothing that is not on the disk.
var crashTold = map[crashStage][]crashStage{
	stageWritten:   {stageWritten, stageTouch, stageProven, stageVerdict, stageDone},
	stageProven:    {stageProven, stageVerdict, stageDone},
	stageDone:      {stageDone},
	stageReturned:  {stageReturned},
	stageLost:      {stageLost, stageSuspended},
	stageSuspended: {stageSuspended},
}

// crashFound is what is found of a killed desk, before the next one starts.
type crashFound struct {
	crashView
	// active is how many credentials were active at the verifier.
	active int
	// sequence counts the writes the token took.
	sequence byte
}

func (l *crashLane) find() crashFound {
	s := l.copied()
	found := crashFound{crashView: crashViewOf(s.Snapshot())}
	found.active, _ = l.verifierHolds()
	if err := s.Close(); err != nil {
		l.t.Fatal(err)
	}
	found.sequence = l.sequence()
	return found
}

// sequence asks the token itself, past the desk, how many writes it took.
func (l *crashLane) sequence() byte {
	state, err := l.tokens.Key(l.soon(), l.serial)
	if err != nil {
		l.t.Fatal(err)
	}
	return state.Sequence
}

// credential is the one of the token at the counter that is not revoked.
func (v crashView) credential(id provisioning.TokenID) (c provisioning.Credential) {
	for _, other := range v.Credentials {
		if other.Token == id {
			c = other
		}
	}
	return c
}

func (v crashView) token(id provisioning.TokenID) (t provisioning.Token) {
	for _, other := range v.Tokens {
		if other.ID == id {
			t = other
		}
	}
	return t
}

func (v crashView) loan(id provisioning.TokenID) (loan provisioning.Loan) {
	for _, other := range v.Loans {
		if other.Token == id && (loan.ID == "" || other.Open()) {
			loan = other
		}
	}
	return loan
}

// stage tells from what was found how far the phase was. Before is what the desk held, and the
// token had taken, when it began.
func (l *crashLane) stage(
	w *crashWalk, before crashView, writes byte, found crashFound,
) crashStage {
	id := l.id()
	switch w.phase {
	case phaseReturn:
		switch t := found.token(id); {
		case t.State == provisioning.TokenBusy && t.Pending == provisioning.ActWipe:
			return stageWiping
		case t.State == provisioning.TokenStock && !found.loan(id).Open():
			return stageReturned
		}
		return stageBefore
	case phaseLost:
		was, is := before.loan(id).State, found.loan(id).State
		switch {
		case is == was:
			return stageBefore
		case is == provisioning.LoanSuspended:
			return stageSuspended
		}
		return stageLost
	}
	c := found.credential(id)
	if c.ID == before.credential(id).ID {
		return stageBefore
	}
	return issueStage(c.State, !w.touched.IsZero(), found.sequence != writes, found.active > 0)
}

func issueStage(
	state provisioning.CredentialState, touched, taken, verdict bool,
) crashStage {
	switch state {
	case provisioning.CredentialPrepared:
		if taken {
			return stageWriting
		}
		return stagePrepared
	case provisioning.CredentialWritten:
		if touched {
			return stageTouch
		}
		return stageWritten
	case provisioning.CredentialProven:
		if verdict {
			return stageVerdict
		}
		return stageProven
	case provisioning.CredentialActive:
		return stageDone
	}
	return stageBefore
}

// facts are what is true now, at rest, with the token itself as the oracle.
func (l *crashLane) facts(v crashView) crashFacts {
	id := l.id()
	loan := v.loan(id)
	f := crashFacts{loan: loan.State, token: v.token(id).State, listed: l.listed(),
		active: v.credential(id).State == provisioning.CredentialActive &&
			loan.State == provisioning.LoanOpen}
	f.accepted = l.press()
	return f
}

// judge holds a desk that was killed and started again against what must be true.
func (l *crashLane) judge(w *crashWalk, stage crashStage, before crashView, found crashFound) {
	now := l.settled()
	verifier, waiting := l.verifierHolds()
	facts := l.facts(now)
	where := fmt.Sprintf("%s killed at %q (%s)", w.phase, stage, l.aimed())
	if waiting != 0 {
		l.t.Errorf("%s: a later proof could still let %d credentials in", where, waiting)
	}
	if facts.accepted != (facts.active && verifier == 1) {
		l.t.Errorf("%s: the token is accepted: %v; active at the desk: %v, at the verifier: %d",
			where, facts.accepted, facts.active, verifier)
	}
	if facts.active != (verifier == 1) {
		l.t.Errorf("%s: active at the desk: %v, at the verifier: %d", where, facts.active, verifier)
	}
	explained := facts.loan == provisioning.LoanLost || facts.loan == provisioning.LoanSuspended ||
		facts.token == provisioning.TokenStock || facts.token == ""
	if !facts.accepted && !facts.listed && !explained {
		l.t.Errorf("%s: nobody is told why the token is not accepted: %v", where, facts)
	}
	want, why := l.last, "nothing was meant yet"
	if law, ok := crashLaw[stage]; ok {
		want, why = law.crashFacts, law.why
		if stage == stageWiping {
			want.loan = l.last.loan // open or suspended: it ends when the wipe is done
		}
	} else if facts.token == provisioning.TokenStock && want.token == "" {
		want.token = facts.token // it was seen for the first time
	}
	if facts != want {
		l.t.Errorf("%s:\n is %v\nnot %v: %s", where, facts, want, why)
	}
	if w.told != "" && !slices.Contains(crashTold[w.told], stage) {
		l.t.Errorf("%s: the screen had told of %q", where, w.told)
	}
	l.nothingLost(where, before, found, now)
	l.last = facts
}

// nothingLost: the log only grows, and one person has one token.
func (l *crashLane) nothingLost(where string, before crashView, found crashFound, now crashView) {
	if before.Position > found.Position || found.Position > now.Position {
		l.t.Errorf("%s: the feed went from %d over %d to %d", where, before.Position,
			found.Position, now.Position)
	}
	if now.Verifier.Acked > now.Position {
		l.t.Errorf("%s: the verifier holds %d of %d", where, now.Verifier.Acked, now.Position)
	}
	open := 0
	for _, loan := range now.Loans {
		if loan.Open() {
			open++
		}
	}
	if open > 1 {
		l.t.Errorf("%s: one person has %d tokens on loan", where, open)
	}
}

// aimed says where the kill was meant to be, for a test that fails.
func (l *crashLane) aimed() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.aim.by == crashClock {
		return fmt.Sprintf("%s, after %v; token %d", l.aim.leg, l.aim.after, l.serial)
	}
	return fmt.Sprintf("%s, message %d on cable %d; token %d", l.aim.leg, l.aim.number, l.aim.by,
		l.serial)
}
