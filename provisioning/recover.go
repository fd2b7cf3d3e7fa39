package provisioning

// Recover returns the next change that puts the state right after the desk stopped, whenever and
// however it did, and false when nothing is left to do. It guesses nothing: an intent without an
// outcome is in doubt. Each change stands alone, so that stopping again in the middle is harmless.
func Recover(s Snapshot, now Now) (Change, bool) {
	if StandingOf(s).Waiting {
		return Change{}, false // what looks unfinished may have been finished after the backup.
	}
	for _, state := range []CredentialState{CredentialPrepared, CredentialWritten} {
		for c := range Find[Credential](s, ByState, string(state)) {
			return recoverCredential(s, now, c), true
		}
	}
	for t := range Find[Token](s, ByState, string(TokenBusy)) {
		if t.Pending != ActNone {
			return recoverToken(s, now, t), true
		}
	}
	if p, any := unseenPasscode(s); any {
		return recoverPasscode(s, now, p), true
	}
	for v := range Find[Visit](s, ByState, string(VisitOpen)) {
		d := newDraft(s, now, ActorDesk, "visit.recover")
		d.about(v)
		d.hold(v)
		return d.change(), true
	}
	return Change{}, false
}

func recoverCredential(s Snapshot, now Now, c Credential) Change {
	d := newDraft(s, now, ActorDesk, "token.recover")
	d.entry.Outcome = OutcomeDoubtful
	d.entry.Visit, d.entry.Person, d.entry.Token = c.Visit, c.Person, c.Token
	d.entry.Credential, d.entry.Loan = c.ID, c.Loan
	d.detail("was", string(c.State))
	d.doubt(c, CodeInterrupted)
	if v, ok := Get[Visit](s, string(c.Visit)); ok && v.Credential == c.ID {
		d.failHeld(v, CodeInterrupted, c.Token)
	}
	return d.change()
}

func recoverToken(s Snapshot, now Now, t Token) Change {
	d := newDraft(s, now, ActorDesk, "token.recover")
	d.entry.Outcome, d.entry.Token = OutcomeDoubtful, t.ID
	d.detail("was", string(t.Pending))
	v, ok := visitWiping(s, t.ID)
	if ok {
		d.about(v)
	}
	d.doubtToken(t.ID, CodeWipeUnknown)
	if ok {
		d.failHeld(v, CodeWipeUnknown, t.ID)
	}
	return d.change()
}

// failHeld puts a visit on its problem page, for its officer to find.
func (d *draft) failHeld(v Visit, code Code, token TokenID) {
	v.State, v.Turned = VisitHeld, false
	v.Deadline = deadline(v, d.now.At)
	d.fail(v, code, token)
}
