package provisioning

import "strings"

// takeBack ends a loan. The token is revoked and the wipe is intended in one change; the loan ends
// when the wipe is done. By hand there is nothing to wipe: the typed serial must be the right one.
func (d *decision) takeBack(c TakeBack) *Refusal {
	loan, _ := Get[Loan](d.s, string(c.Loan))
	no := d.all(
		rule{"visit.step", refuseUnless(d.visit.Progress != ProgressWiping, CodeWrongStep)},
		rule{"loan.known", refuseUnless(loan.ID != "" && loan.Person == d.visit.Person,
			CodeLoanUnknown)},
		rule{"loan.open", refuseUnless(loan.Open(), CodeLoanNotOpen, "state", string(loan.State))},
		d.tokenIdle(loan.Token),
	)
	if no != nil {
		return no
	}
	d.visit.Loan = loan.ID
	d.entry.Token, d.entry.Loan = loan.Token, loan.ID
	d.detail("serial", SerialOf(loan.Token))
	if c.ByHand {
		return d.takeBackByHand(loan, c.Serial)
	}
	if no := d.inHand(c.Hand, loan.Token); no != nil {
		return no
	}
	d.revokeAll(loan.Token, "returned")
	d.intendWipe(loan.Token)
	v := &d.visit
	v.Token, v.Progress, v.Position = loan.Token, ProgressWiping, d.s.Position()
	v.Problem, v.Params = "", nil
	return nil
}

func (d *decision) takeBackByHand(loan Loan, serial string) *Refusal {
	right := strings.TrimSpace(serial) == SerialOf(loan.Token)
	no := d.all(rule{"return.serial", refuseUnless(right, CodeSerialMismatch,
		"serial", strings.TrimSpace(serial))})
	if no != nil {
		return no
	}
	d.entry.Rule = "loan.return.by-hand"
	d.revokeAll(loan.Token, "returned")
	if t, ok := Get[Token](d.s, string(loan.Token)); ok {
		t.State, t.Pending, t.Note, t.Since = TokenDamaged, ActNone, "returned, not wiped", d.now.At
		d.put(t)
	}
	d.closeLoan(loan, LoanReturned, "by hand")
	v := &d.visit
	v.Token, v.Step, v.Position = loan.Token, StepDone, d.s.Position()
	v.Problem, v.Params = "", nil
	return nil
}

// restock wipes a token outside any visit and puts it back in stock.
func (d *decision) restock(c Restock) *Refusal {
	t, known := Get[Token](d.s, string(c.Token))
	d.entry.Token = c.Token
	no := d.all(
		rule{"token.known", refuseUnless(known, CodeTokenUnknown)},
		rule{"token.not-loaned", refuseUnless(t.State != TokenLoaned, CodeTokenLoaned,
			"serial", t.Serial)},
		d.tokenIdle(c.Token),
	)
	if no != nil {
		return no
	}
	if no := d.inHand(c.Hand, c.Token); no != nil {
		return no
	}
	d.revokeAll(c.Token, "wiped")
	d.finishTasksOf(c.Token)
	d.intendWipe(c.Token)
	d.detail("serial", t.Serial)
	return nil
}

// tokenIdle: nothing is decided about a token while the desk's own journal works with it.
func (d *decision) tokenIdle(id TokenID) rule {
	t, _ := Get[Token](d.s, string(id))
	return rule{"token.not-busy", refuseUnless(t.State != TokenBusy, CodeTokenBusy,
		"serial", t.Serial)}
}

// revokeAll ends every credential of a token.
func (d *draft) revokeAll(id TokenID, why string) {
	for c := range Find[Credential](d.s, ByToken, string(id)) {
		d.revoke(c, why)
	}
}

func (d *decision) intendWipe(id TokenID) {
	d.entry.Outcome = OutcomeIntended
	if t, ok := Get[Token](d.s, string(id)); ok {
		t.State, t.Pending, t.Note, t.Since = TokenBusy, ActWipe, "", d.now.At
		d.put(t)
	}
}

// closeLoan ends a loan.
func (d *draft) closeLoan(loan Loan, state LoanState, why string) {
	loan.State, loan.EndReason, loan.Ended = state, why, d.now.At
	d.put(loan)
	d.entry.Loan = loan.ID
}
