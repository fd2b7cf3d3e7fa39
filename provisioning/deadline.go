package provisioning

import "time"

// How long things wait. Every deadline that follows from these is data in the visit's row.
const (
	// IdleAfter: an open visit without activity is held.
	IdleAfter = 90 * time.Second
	// SecondFor: the same where a second officer has to come first.
	SecondFor = 3 * time.Minute
	// DoneFor: the goodbye page ends by itself.
	DoneFor = 60 * time.Second
	// HeldFor: a held visit is dropped.
	HeldFor = 10 * time.Minute
	// ParkedFor: a token that waits for the verifier is given up. A weekend is shorter.
	ParkedFor = 72 * time.Hour
	// TouchFor: how long a touch is waited for before somebody says that they are still there.
	TouchFor = 45 * time.Second
	// VoidFor: how long a hand-over can be undone, besides the whole of its day.
	VoidFor = 24 * time.Hour
)

// deadline is when a visit as it now stands is held, dropped or ended. Nothing fires while a token
// is being written or wiped: those end by themselves. A token that is registered and waits to be
// picked up stays listed until somebody picks it up.
func deadline(v Visit, at time.Time) time.Time {
	switch v.State {
	case VisitOpen:
		switch {
		case v.Step == StepWrite || v.Progress == ProgressWiping:
			return time.Time{}
		case v.Step == StepDone:
			return at.Add(DoneFor)
		case v.Step == StepSecond:
			return at.Add(SecondFor)
		}
		return at.Add(IdleAfter)
	case VisitHeld:
		return at.Add(HeldFor)
	case VisitParked:
		if v.Step == StepDone {
			return time.Time{}
		}
		return at.Add(ParkedFor)
	}
	return time.Time{}
}

// hold puts a visit aside for its officer.
func (d *draft) hold(v Visit) Visit {
	v.State, v.Turned, v.ShownUntil = VisitHeld, false, time.Time{}
	return d.touch(v)
}

// park frees the counter while the verifier is awaited.
func (d *draft) park(v Visit) Visit {
	v.State, v.Turned = VisitParked, false
	return d.touch(v)
}

// end is the end of a visit, whatever its step. A write under way becomes doubtful.
func (d *draft) end(v Visit, why Code) Visit {
	c, ok := read[Credential](d, string(v.Credential))
	if ok && v.Credential != "" && c.unfinished() {
		d.doubt(c, why)
		d.entry.Outcome = OutcomeDoubtful
	}
	d.dropUnseen(v)
	v.State, v.Turned, v.TouchBy, v.ShownUntil = VisitEnded, false, time.Time{}, time.Time{}
	return d.touch(v)
}

// unfinished reports whether the credential is on its way and not there yet.
func (c Credential) unfinished() bool {
	switch c.State {
	case CredentialPrepared, CredentialWritten, CredentialProven:
		return true
	}
	return false
}

// Lapse is what happens to a visit whose deadline has passed: an open one is held, a held one is
// dropped, a proven one is parked, a goodbye ends. It returns false when nothing is due.
func Lapse(s Snapshot, now Now, id VisitID) (Change, bool) {
	v, ok := Get[Visit](s, string(id))
	if !ok || v.Deadline.IsZero() || now.At.Before(v.Deadline) {
		return Change{}, false
	}
	d := newDraft(s, now, ActorDesk, "visit.lapse")
	d.about(v)
	d.detail("was", string(v.State))
	switch {
	case v.Step == StepDone && v.State != VisitParked:
		d.end(v, "")
	case v.Step == StepVerify && v.State != VisitParked:
		d.park(v)
	case v.State == VisitOpen:
		d.hold(v)
	default:
		d.end(v, CodeAbandoned)
	}
	return d.change(), true
}
