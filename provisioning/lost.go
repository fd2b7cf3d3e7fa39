package provisioning

import "github.com/tokendesk/tokendesk/provisioning/feed"

// reportLost is durable at once, and in force once the verifier has it. With a card it revokes and
// the fee (S47) is due; without, it suspends, and can be lifted at the counter with card and token.
func (d *decision) reportLost(c ReportLost) *Refusal {
	note, no := d.text(c.Note, false)
	if no != nil {
		return no
	}
	rules, _ := d.site.Permits(d.visit.Evidence)
	loan, _ := Get[Loan](d.s, string(c.Loan))
	no = d.all(
		rule{"loan.known", refuseUnless(loan.ID != "" && loan.Person == d.visit.Person,
			CodeLoanUnknown)},
		rule{"loan.open", refuseUnless(loan.Open(), CodeLoanNotOpen, "state", string(loan.State))},
		d.tokenIdle(loan.Token),
		rule{"lost.again", refuseUnless(rules.Lost || loan.State == LoanOpen, CodeLoanSuspended,
			"serial", SerialOf(loan.Token))},
	)
	if no != nil {
		return no
	}
	if rules.Lost {
		d.loseForGood(loan, note)
	} else {
		d.suspend(loan, note)
	}
	if t, ok := Get[Token](d.s, string(loan.Token)); ok {
		t.State, t.Note, t.Since = TokenLost, note, d.now.At
		d.put(t)
	}
	v := &d.visit
	v.Loan, v.Token, v.Step, v.Position = loan.ID, loan.Token, StepDone, d.s.Position()
	v.Problem, v.Params = "", nil
	d.detail("serial", SerialOf(loan.Token))
	d.detail("note", note)
	return nil
}

func (d *decision) loseForGood(loan Loan, note string) {
	d.entry.Rule = "lost.card.revokes"
	d.revokeAll(loan.Token, "lost")
	if loan.Fee.Amount.Minor > 0 {
		loan.Fee.State = FeeDue
	}
	d.closeLoan(loan, LoanLost, note)
}

func (d *decision) suspend(loan Loan, note string) {
	d.entry.Rule = "lost.no-card.suspends"
	if c, ok := Get[Credential](d.s, string(loan.Credential)); ok && c.State == CredentialActive {
		d.order(c, CredentialSuspended, feed.StateSuspended, "lost, no card shown")
	}
	loan.State, loan.EndReason = LoanSuspended, note
	d.put(loan)
}

// reinstate lifts a suspension: the person shows a card, and the token is on the bench.
func (d *decision) reinstate(c Reinstate) *Refusal {
	loan, _ := Get[Loan](d.s, string(c.Loan))
	cred, live := Get[Credential](d.s, string(loan.Credential))
	rules, _ := d.site.Permits(d.visit.Evidence)
	no := d.all(
		rule{"loan.known", refuseUnless(loan.ID != "" && loan.Person == d.visit.Person,
			CodeLoanUnknown)},
		rule{"loan.suspended", refuseUnless(loan.State == LoanSuspended && live &&
			cred.State == CredentialSuspended, CodeLoanNotSuspended, "state", string(loan.State))},
		d.tokenIdle(loan.Token),
		rule{"reinstate.card", refuseUnless(rules.Lost, CodeEvidenceNotEnough)},
		rule{"reinstate.token", refuseUnless(d.visit.Token == loan.Token, CodeTokenAbsent)},
	)
	if no != nil {
		return no
	}
	d.order(cred, CredentialActive, feed.StateResumed, "")
	loan.State, loan.EndReason = LoanOpen, ""
	d.put(loan)
	if t, ok := Get[Token](d.s, string(loan.Token)); ok {
		t.State, t.Note, t.Since = TokenLoaned, "", d.now.At
		d.put(t)
	}
	v := &d.visit
	v.Errand, v.Loan, v.Step, v.Position = ErrandReinstate, loan.ID, StepDone, d.s.Position()
	v.Problem, v.Params = "", nil
	return nil
}
