package provisioning

import "github.com/tokendesk/tokendesk/provisioning/feed"

// What a restored desk can and cannot learn. The verifier knows each credential, its token, its
// user, its state and its counter; it never knew the officer, the evidence, the reason and the
// terms of a loan, so a loan that was learned says "restored" in their place.

// ReasonRestored is the reason of a loan whose reason was lost.
const ReasonRestored = "restored"

// Learn takes one row of what the verifier knows after a restore. Who is the person the row is for;
// generation is that of the site's newest access codes. It publishes nothing but the end of what
// was never proven, and returns false when the row is no news.
func Learn(
	s Snapshot, site Site, now Now, row feed.KnownRow, who Person, generation int,
) (Change, bool) {
	l := &lesson{draft: newDraft(s, now, ActorVerifier, "desk.learn"), site: site, row: row, who: who,
		generation: generation}
	l.entry.Credential = CredentialID(row.Credential)
	news := false
	switch {
	case row.Kind == feed.KindPasscode:
		news = l.passcode()
	case row.State == feed.KnownEnded:
		news = l.ended()
	case row.State == feed.KnownWaiting:
		news = l.waiting()
	default:
		news = l.inUse()
	}
	if !news {
		return Change{}, false
	}
	st, _ := read[Standing](l.draft, Standing{}.Key())
	st.Learned++
	l.put(st)
	l.detail("state", string(row.State))
	l.detail("serial", row.Serial)
	return l.change(), true
}

// lesson is one row being learned.
type lesson struct {
	*draft
	site       Site
	row        feed.KnownRow
	who        Person
	generation int
}

func (l *lesson) tokenID() TokenID { return TokenID(l.row.Vendor + "/" + l.row.Serial) }

// known is the credential as the backup had it.
func (l *lesson) known() (Credential, bool) {
	return Get[Credential](l.s, l.row.Credential)
}

// inUse is a credential that signs somebody in, or was suspended.
func (l *lesson) inUse() bool {
	to, loanTo := CredentialActive, LoanOpen
	if l.row.State == feed.KnownSuspended {
		to, loanTo = CredentialSuspended, LoanSuspended
	}
	c, have := l.known()
	if have && (c.State == to || c.State == CredentialDoubtful) {
		return false // as it is, or an order that ends it is on its way.
	}
	settled := have && (c.State == CredentialActive || c.State == CredentialSuspended)
	if !have {
		c = Credential{ID: CredentialID(l.row.Credential), Token: l.tokenID(), Slot: l.site.Slot,
			Digits: l.row.Digits, Person: l.who.ID, Reason: ReasonRestored}
	}
	c.State, c.Since, c.Next = to, l.now.At, max(c.Next, l.row.Next)
	if c.Loan == "" {
		c.Loan = LoanID(l.id("loan", l.row.Credential))
	}
	l.put(c)
	l.lend(c, loanTo)
	if !settled {
		l.keepToken(c)
		l.endVisit(c)
	}
	return true
}

// lend puts the loan of a credential in use.
func (l *lesson) lend(c Credential, to LoanState) {
	loan, have := Get[Loan](l.s, string(c.Loan))
	if !have {
		loan = Loan{ID: c.Loan, Person: c.Person, Token: c.Token, Credential: c.ID,
			Reason: ReasonRestored, Fee: Fee{Amount: l.site.Fee}, At: l.row.Issued,
			Due: l.site.Due(l.row.Issued, !l.row.Issued.IsZero())}
	}
	loan.State = to
	l.put(loan)
	if _, have := Get[Person](l.s, string(c.Person)); !have && c.Person == l.who.ID {
		l.put(l.who)
	}
	l.entry.Person, l.entry.Token, l.entry.Loan = c.Person, c.Token, c.Loan
}

// keepToken puts the token of a credential that is in use into the inventory, in doubt: where it is
// and what its slot holds is the verifier's word alone. Its access code is that of the newest
// generation, because the desk that wrote it used no other.
func (l *lesson) keepToken(c Credential) {
	t := l.token(c.Token)
	t.Slot, t.Credential = c.Slot, c.ID
	l.doubtIt(t)
}

// token is a token that was written after the backup, as far as it can be known.
func (l *lesson) token(id TokenID) Token {
	t, have := Get[Token](l.s, string(id))
	if !have {
		t = Token{ID: id, Serial: SerialOf(id)}
	}
	if l.site.AccessCodes && t.Generation != l.generation {
		t.Generation, t.Previous = l.generation, t.Generation
	}
	return t
}

func (l *lesson) doubtIt(t Token) {
	t.State, t.Pending, t.Note, t.Since = TokenDoubtful, ActNone, string(CodeTokenRestored), l.now.At
	l.put(t)
}

// ended is a credential nobody can use any more. The desk learns of it if it still counted on it,
// or if the token went through its hands after the backup.
func (l *lesson) ended() bool {
	c, have := l.known()
	if !have {
		return l.row.New && l.passedThrough()
	}
	c.State, c.Reason, c.Since = CredentialRevoked, ReasonRestored, l.now.At
	l.put(c)
	l.entry.Person, l.entry.Token, l.entry.Loan = c.Person, c.Token, c.Loan
	if loan, ok := Get[Loan](l.s, string(c.Loan)); ok && loan.Open() {
		l.closeLoan(loan, LoanVoid, ReasonRestored)
	}
	if t, ok := Get[Token](l.s, string(c.Token)); ok && t.Credential == c.ID {
		l.doubtIt(t)
	}
	l.endVisit(c)
	return true
}

// passedThrough lists a token that was written after the backup, unless it is listed.
func (l *lesson) passedThrough() bool {
	if l.row.Vendor == "" || l.row.Serial == "" {
		return false
	}
	t, have := Get[Token](l.s, string(l.tokenID()))
	if have && (t.State != TokenStock && t.State != TokenBusy) {
		return false
	}
	l.entry.Token = l.tokenID()
	l.doubtIt(l.token(l.tokenID()))
	return true
}

// waiting is a seed that was sealed and never proven: it opens nothing, and its token may hold it.
// It ends here, as after any other interruption.
func (l *lesson) waiting() bool {
	if _, have := l.known(); have {
		return false // the journal of the backup ends it: see Recover.
	}
	if l.row.Vendor == "" || l.row.Serial == "" {
		return false
	}
	c := Credential{ID: CredentialID(l.row.Credential), Token: l.tokenID(), Slot: l.site.Slot,
		Digits: l.row.Digits, Person: l.who.ID}
	if _, have := Get[Person](l.s, string(l.who.ID)); !have {
		l.put(l.who)
	}
	l.entry.Person, l.entry.Token = c.Person, c.Token
	l.order(c, CredentialDoubtful, feed.StateRevoked, string(CodeInterrupted))
	l.doubtIt(l.token(c.Token))
	return true
}

// endVisit ends the visit whose errand the credential was: what it waited for has happened.
func (l *lesson) endVisit(c Credential) {
	if v, ok := Get[Visit](l.s, string(c.Visit)); ok && v.Credential == c.ID && v.State != VisitEnded {
		l.end(v, "")
	}
}

// passcode is a passcode that is live at the verifier, or has ended there.
func (l *lesson) passcode() bool {
	p, have := Get[Passcode](l.s, l.row.Credential)
	l.entry.Person = p.Person
	switch {
	case l.row.State == feed.KnownEnded && have:
		p.State, p.EndReason, p.Ended = PasscodeEnded, PasscodeInterrupted, l.now.At
		l.put(p)
		return true
	case l.row.State == feed.KnownEnded || have:
		return false
	}
	l.entry.Person = l.who.ID
	if _, have := Get[Person](l.s, string(l.who.ID)); !have {
		l.put(l.who)
	}
	// Whether the person saw it is not known; taking it as seen ends nothing that may be in use.
	l.put(Passcode{ID: PasscodeID(l.row.Credential), Person: l.who.ID, Type: PasscodeType(l.row.Type),
		Channel: ChannelCounter, Situation: ReasonRestored, State: PasscodeLive, Record: l.row.Record,
		At: l.row.Issued, Until: l.row.Until, Uses: l.row.Uses, Count: l.row.Count,
		Enrol: l.row.Purpose == feed.PurposeEnrol, Revealed: l.row.Issued})
	return true
}

// Unlisted is a person of whom the directory knows nothing any more: their account stands for them,
// so that what they hold is listed.
func Unlisted(site Site, account string) Person {
	return Person{ID: PersonID(account), Site: site.ID, Name: account, Account: account}
}
