package provisioning

import "strconv"

// write is the intent of a loan: everything is checked once more, the credential is prepared, and
// what the slot held before is revoked, all before the token is touched.
func (d *decision) write(c Write) *Refusal {
	if no := d.mayWrite(c); no != nil {
		return no
	}
	token, _ := Get[Token](d.s, string(d.visit.Token))
	d.supersede(token.ID, d.visit.Slot)
	d.finishTasksOf(token.ID)
	d.prepare(c.Prepared, token)
	d.entry.Rule, d.entry.Outcome = "loan.reason.S43", OutcomeIntended
	d.detail("reason", d.visit.Reason)
	d.detail("terms", d.visit.Terms)
	d.detail("serial", token.Serial)
	d.detail("slot", strconv.Itoa(d.visit.Slot))
	return nil
}

// mayWrite: the officer's answers first, then the person's, then the token as it is right now.
func (d *decision) mayWrite(c Write) *Refusal {
	v := d.visit
	if no := d.all(d.mayBorrow()...); no != nil {
		return no
	}
	if no := d.answered(v.Reason, v.PhoneSeen); no != nil {
		return no
	}
	if no := d.agreed(); no != nil {
		return no
	}
	if no := d.inHand(c.Hand, v.Token); no != nil {
		return no
	}
	token, _ := Get[Token](d.s, string(v.Token))
	over := foreign(token, c.Hand.Token, v.Slot)
	p := c.Prepared
	matches := p.Person == v.Person && p.Token == v.Token && p.Credential != "" &&
		p.Seed.Credential == string(p.Credential)
	confirmed := c.Overwrite && !d.site.KeepForeign
	rules := append(d.fits(c.Hand.Token, v.Slot), []rule{
		{"token.lendable", func() *Refusal { return Lendable(d.s, c.Hand.Token) }},
		{"token.overwrite", refuseUnless(!over || confirmed, CodeSlotInUse,
			"slot", strconv.Itoa(v.Slot))},
		{"loan.prepared", refuseUnless(matches, CodeWrongStep)},
	}...)
	return d.all(rules...)
}

// inHand: the runner took over exactly this token.
func (d *decision) inHand(h Hand, want TokenID) *Refusal {
	return d.all(
		rule{"token.reachable", func() *Refusal { return h.Trouble }},
		rule{"token.present", refuseUnless(want != "" && h.Token.ID() != "", CodeTokenAbsent)},
		rule{"token.expected", func() *Refusal { return expected(want, h.Token) }},
	)
}

// supersede revokes whatever credentials we made for a slot.
func (d *decision) supersede(id TokenID, slot int) {
	for c := range Find[Credential](d.s, ByToken, string(id)) {
		if c.Slot == slot {
			d.revoke(c, "overwritten")
		}
	}
}

// prepare puts the new credential, the token that will carry it, and the sealed seed.
func (d *decision) prepare(p Prepared, t Token) {
	v := &d.visit
	v.Credential, v.Loan = p.Credential, LoanID(d.id("loan", string(p.Credential)))
	v.Step, v.Progress, v.Position = StepWrite, ProgressWriting, d.s.Position()
	v.Problem, v.Params = "", nil
	d.put(Credential{
		ID: p.Credential, Token: t.ID, Slot: v.Slot, Digits: d.site.Digits, Person: v.Person,
		Visit: v.ID, Loan: v.Loan, State: CredentialPrepared, Position: d.s.Position(),
		Since: d.now.At,
	})
	if p.Generation != t.Generation {
		t.Generation, t.Previous = p.Generation, t.Generation
	}
	t.State, t.Pending, t.Slot, t.Credential = TokenBusy, ActWrite, v.Slot, p.Credential
	t.Note, t.Since, t.Elsewhere = "", d.now.At, Elsewhere{}
	d.put(t)
	d.publish(p.Seed)
}
