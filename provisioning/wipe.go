package provisioning

// Wiped: the slot is empty and the token confirmed it. It is back in stock, and a loan it was still
// on is returned.
func Wiped(s Snapshot, now Now, id TokenID) (Change, error) {
	d, t, v, err := wiping(s, now, "token.wiped", id)
	if err != nil {
		return Change{}, err
	}
	t.State, t.Pending, t.Note, t.Since = TokenStock, ActNone, "", now.At
	t.Slot, t.Credential, t.Generation, t.Previous = 0, "", 0, 0
	t.Elsewhere = Elsewhere{}
	d.put(t)
	d.dropKeys(id, "wiped")
	for loan := range Find[Loan](s, ByToken, string(id)) {
		if loan.Open() {
			d.entry.Person = loan.Person
			d.closeLoan(loan, LoanReturned, "")
		}
	}
	if v.ID != "" {
		v.Step, v.Progress = StepDone, ProgressNone
		d.keep(v)
	}
	return d.change(), nil
}

// WipeFailed: the token is revoked and was not wiped, or nobody can know. It is listed until it is.
func WipeFailed(s Snapshot, now Now, id TokenID, code Code) (Change, error) {
	d, _, v, err := wiping(s, now, "token.wipe-failed", id)
	if err != nil {
		return Change{}, err
	}
	d.entry.Outcome = OutcomeDoubtful
	d.detail("code", string(code))
	d.doubtToken(id, code)
	if v.ID != "" {
		d.fail(v, code, id)
	}
	return d.change(), nil
}

// wiping begins the outcome of a wipe, with the visit that asked for it, if it still stands.
func wiping(s Snapshot, now Now, act Act, id TokenID) (*draft, Token, Visit, error) {
	t, ok := Get[Token](s, string(id))
	if !ok || t.Pending != ActWipe {
		return nil, Token{}, Visit{}, ErrJournalOver
	}
	d := newDraft(s, now, ActorDesk, act)
	v, _ := visitWiping(s, id)
	if v.ID != "" {
		d.about(v)
	}
	d.entry.Token = id
	d.detail("serial", SerialOf(id))
	return d, t, v, nil
}

// visitWiping finds the visit whose token is being wiped.
func visitWiping(s Snapshot, id TokenID) (Visit, bool) {
	for _, state := range []VisitState{VisitOpen, VisitHeld} {
		for v := range Find[Visit](s, ByState, string(state)) {
			if v.Token == id && v.Progress == ProgressWiping {
				return v, true
			}
		}
	}
	return Visit{}, false
}
