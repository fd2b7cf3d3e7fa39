package provisioning

import "time"

// choose picks an errand. What belonged to the errand before is forgotten; what the person already
// answered in this visit is not asked again.
func (d *decision) choose(c Choose) *Refusal {
	d.detail("errand", string(c.Errand))
	if no := d.errandAllowed(c.Errand); no != nil {
		return no
	}
	v := &d.visit
	v.begin(c.Errand)
	if loan, ok := OpenLoan(d.s, v.Person); ok && c.Errand != ErrandLoan {
		v.Loan = loan.ID
	}
	switch c.Errand {
	case ErrandLoan:
		v.Step = StepPlug
	case ErrandReturn:
		v.Step = StepReturn
	case ErrandLost, ErrandReinstate:
		v.Step = StepLost
	case ErrandVoid:
		v.Step = StepChoose
	case ErrandPasscode:
		v.Step = StepSituation
	}
	return nil
}

// begin makes an errand the visit's, with nothing done for it yet.
func (v *Visit) begin(e Errand) {
	v.Errand, v.Token, v.Slot, v.Slots, v.Overwrites = e, "", 0, nil, false
	v.Credential, v.Loan, v.Progress, v.TouchBy, v.Position = "", "", ProgressNone, time.Time{}, -1
	v.Problem, v.Params = "", nil
	v.Situation, v.Justification, v.Passcode, v.PasscodeEnd = "", "", "", ""
	v.ShownUntil = time.Time{}
}

// errandAllowed: a token is lent, reinstated or voided to somebody whose identity was checked.
// Taking one back asks nobody who they are, and a loss is taken from a person without any card:
// that suspends.
func (d *decision) errandAllowed(e Errand) *Refusal {
	checked := rule{"identity.checked", refuseUnless(d.visit.Evidence != "", CodeWrongStep)}
	loan, has := OpenLoan(d.s, d.visit.Person)
	holds := rule{"loan.exists", refuseUnless(has, CodeLoanNone)}
	switch e {
	case ErrandLoan:
		return d.all(append([]rule{checked}, d.mayBorrow()...)...)
	case ErrandPasscode:
		return d.all(d.mayHavePasscode()...)
	case ErrandReturn, ErrandLost:
		return d.all(holds)
	case ErrandVoid:
		return d.all(checked, holds, d.stillVoidable(loan))
	case ErrandReinstate:
		return d.all(checked, holds, rule{"loan.suspended", refuseUnless(loan.State == LoanSuspended,
			CodeLoanNotSuspended, "state", string(loan.State))})
	}
	return d.all(rule{"errand.known", refuseUnless(false, CodeErrandUnknown)})
}

// mayBorrow are the rules about the person: S6, and at most one token each.
func (d *decision) mayBorrow() []rule {
	return []rule{
		{"loan.role.S6", d.eligibleRole},
		{"loan.evidence", d.enoughToLend},
		{"loan.one-per-person", func() *Refusal { return NoLoan(d.s, d.visit.Person, d.visit.ID) }},
		{"loan.one-per-site", d.noLoanElsewhere},
	}
}

func (d *decision) eligibleRole() *Refusal {
	person, _ := Get[Person](d.s, string(d.visit.Person))
	for _, role := range d.site.Roles {
		if role == person.Role {
			return nil
		}
	}
	return Refuse(CodeRoleNotEligible, "role", person.Role)
}

func (d *decision) enoughToLend() *Refusal {
	if rule, ok := d.site.Permits(d.visit.Evidence); ok && rule.Loan {
		return nil
	}
	return Refuse(CodeEvidenceNotEnough)
}

// back returns to the choices, or to the identity check where that was skipped.
func (d *decision) back() *Refusal {
	if d.visit.Progress == ProgressWiping {
		return d.all(rule{"visit.step", refuseUnless(false, CodeWrongStep)})
	}
	v := &d.visit
	v.Step, v.Errand, v.Progress = StepChoose, ErrandNone, ProgressNone
	if v.Evidence == "" {
		v.Step = StepIdentify
	}
	v.Token, v.Slot, v.Slots, v.Overwrites, v.Credential, v.Loan = "", 0, nil, false, "", ""
	v.Situation, v.Justification, v.Passcode, v.PasscodeEnd = "", "", "", ""
	v.Problem, v.Params = "", nil
	return nil
}

// OpenLoan finds the loan a person answers for: open, or suspended. There is at most one.
func OpenLoan(s Snapshot, id PersonID) (Loan, bool) {
	for loan := range Find[Loan](s, ByPerson, string(id)) {
		if loan.Open() {
			return loan, true
		}
	}
	return Loan{}, false
}

// NoLoan is the rule of one token per person: none on loan, none suspended, and none on its way in
// another visit. It returns nil when a token may be lent.
func NoLoan(s Snapshot, id PersonID, except VisitID) *Refusal {
	if loan, ok := OpenLoan(s, id); ok {
		if loan.State == LoanSuspended {
			return Refuse(CodeLoanSuspended, "serial", SerialOf(loan.Token))
		}
		return Refuse(CodeLoanOpen, loanParams(loan)...)
	}
	for c := range Find[Credential](s, ByPerson, string(id)) {
		if c.unfinished() && c.Visit != except {
			return Refuse(CodeLoanPending, "serial", SerialOf(c.Token))
		}
	}
	return nil
}

// loanParams are the parameters of a sentence about a loan.
func loanParams(loan Loan) []string {
	params := []string{"serial", SerialOf(loan.Token)}
	if !loan.Due.IsZero() {
		params = append(params, "due", loan.Due.Format(time.RFC3339))
	}
	return params
}
