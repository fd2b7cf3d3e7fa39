package provisioning

// void undoes a wrong hand-over. Where the token is now nobody knows until it is plugged in, so it
// is listed until it is wiped or written anew.
func (d *decision) void(c Void) *Refusal {
	reason, no := d.text(c.Reason, true)
	if no != nil {
		return no
	}
	loan, no := d.loanOf(c.Loan)
	if no != nil {
		return no
	}
	no = d.all(
		rule{"loan.open", refuseUnless(loan.State == LoanOpen, CodeLoanNotOpen,
			"state", string(loan.State))},
		d.stillVoidable(loan),
		d.tokenIdle(loan.Token),
		d.touched(c.Touched),
	)
	if no != nil {
		return no
	}
	d.revokeAll(loan.Token, "void")
	d.closeLoan(loan, LoanVoid, reason)
	d.doubtToken(loan.Token, CodeLoanVoided)
	d.detail("reason", reason)
	d.detail("serial", SerialOf(loan.Token))
	d.finish(ErrandVoid, loan)
	return nil
}

// stillVoidable: on its own day, or within VoidFor.
func (d *decision) stillVoidable(loan Loan) rule {
	return rule{"void.last-visits", func() *Refusal {
		then, now := loan.At.In(d.site.zone()), d.now.At.In(d.site.zone())
		sameDay := then.Year() == now.Year() && then.YearDay() == now.YearDay()
		if sameDay || now.Sub(then) <= VoidFor {
			return nil
		}
		return Refuse(CodeVoidTooLate)
	}}
}

// settleFee moves a fee. The money itself changes hands elsewhere.
func (d *decision) settleFee(c SettleFee) *Refusal {
	reference, no := d.text(c.Reference, true)
	if no != nil {
		return no
	}
	loan, no := d.loanOf(c.Loan)
	if no != nil {
		return no
	}
	from := loan.Fee.State
	no = d.all(
		rule{"fee.exists.S47", refuseUnless(from != FeeNone, CodeFeeNone)},
		rule{"fee.step", refuseUnless(from.mayBecome(c.To), CodeFeeStep,
			"from", string(from), "to", string(c.To))},
	)
	if no == nil && c.To == FeeWaived {
		no = d.all(d.touched(c.Touched))
	}
	if no != nil {
		return no
	}
	loan.Fee.State, loan.Fee.Reference = c.To, reference
	d.put(loan)
	d.detail("from", string(from))
	d.detail("to", string(c.To))
	d.detail("reference", reference)
	d.visit.Fee = loan.Fee
	d.finish(ErrandFee, loan)
	return nil
}

// mayBecome: a fee that is due is paid or waived; a payment can be reversed.
func (f FeeState) mayBecome(to FeeState) bool {
	switch f {
	case FeeDue:
		return to == FeePaid || to == FeeWaived
	case FeePaid:
		return to == FeeReversed
	}
	return false
}

// loanOf finds the loan an order names. In a visit it is that visit's person's; without one, it is
// not the acting officer's own.
func (d *decision) loanOf(id LoanID) (Loan, *Refusal) {
	loan, known := Get[Loan](d.s, string(id))
	theirs := d.visit.ID == "" || d.visit.Person == loan.Person
	no := d.all(
		rule{"loan.known", refuseUnless(known && theirs, CodeLoanUnknown)},
		d.notPerson(loan.Person),
	)
	if no == nil {
		d.entry.Person, d.entry.Loan, d.entry.Token = loan.Person, loan.ID, loan.Token
	}
	return loan, no
}

// finish makes a settled loan the errand of the visit, if there is one.
func (d *decision) finish(e Errand, loan Loan) {
	if d.visit.ID == "" {
		return
	}
	v := &d.visit
	v.Errand, v.Step, v.Loan, v.Token, v.Credential = e, StepDone, loan.ID, loan.Token, ""
	v.Position = -1
	if len(d.records) > 0 {
		v.Position = d.s.Position()
	}
}
