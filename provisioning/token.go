package provisioning

import (
	"slices"
	"strconv"
)

// plugged is a token that was identified while a visit waits for one. What is wrong with it is a
// notice on the page, not a refusal: the officer did nothing wrong, and plugs in another.
func (d *decision) plugged(c Plugged) *Refusal {
	v := &d.visit
	v.Problem, v.Params = "", nil
	d.detail("serial", c.Token.Serial)
	slot := c.Slot
	if slot == 0 {
		slot = d.site.Slot
	}
	var no *Refusal
	if v.Step == StepPlug {
		no = d.all(append([]rule{
			{"token.expected", func() *Refusal { return expected(v.Token, c.Token) }},
			{"token.lendable", func() *Refusal { return Lendable(d.s, c.Token) }},
		}, d.fits(c.Token, slot)...)...)
	} else {
		loan, _ := Get[Loan](d.s, string(v.Loan))
		no = d.all(rule{"token.expected", func() *Refusal { return expected(loan.Token, c.Token) }})
	}
	if no != nil {
		v.Problem, v.Params = no.Code, no.Params
		d.detail("notice", string(no.Code))
		return nil
	}
	d.takeUp(c.Token, slot)
	return nil
}

// takeUp puts a token under the visit's hand, and into the inventory if it is new there.
func (d *decision) takeUp(info TokenInfo, slot int) {
	v := &d.visit
	t, known := Get[Token](d.s, string(info.ID()))
	if !known {
		t = Token{ID: info.ID(), State: TokenStock, Since: d.now.At}
	}
	t.Model, t.Serial, t.Firmware = info.Model, info.Serial, info.Firmware
	d.put(t)
	v.Token, v.Slots = info.ID(), slices.Clone(info.Slots)
	if v.Step == StepPlug {
		v.Step, v.Slot, v.Overwrites = StepCheck, slot, foreign(t, info, slot)
	}
}

// expected: once a token is in doubt, or on loan, no other takes its place. An empty id expects
// none in particular.
func expected(id TokenID, info TokenInfo) *Refusal {
	if id == "" || id == info.ID() {
		return nil
	}
	return Refuse(CodeTokenOther, "serial", info.Serial, "expected", SerialOf(id))
}

// Lendable says why a token cannot be lent now, or nil.
func Lendable(s Snapshot, info TokenInfo) *Refusal {
	if info.Serial == "" {
		return Refuse(CodeTokenNoSerial)
	}
	for loan := range Find[Loan](s, ByToken, string(info.ID())) {
		if loan.State == LoanOpen {
			return Refuse(CodeTokenLoaned, loanParams(loan)...)
		}
	}
	if away, ok := LentElsewhere(s, info.ID()); ok {
		return Refuse(CodeTokenElsewhere, "serial", info.Serial, "desk", string(away.Desk))
	}
	t, known := Get[Token](s, string(info.ID()))
	if !known {
		return nil
	}
	switch t.State {
	case TokenLoaned:
		return Refuse(CodeTokenLoaned, "serial", t.Serial)
	case TokenLost:
		return Refuse(CodeTokenLost, "serial", t.Serial)
	case TokenDamaged:
		return Refuse(CodeTokenDamaged, "serial", t.Serial)
	case TokenAside:
		return Refuse(CodeTokenAside, "serial", t.Serial, "note", t.Note)
	case TokenBusy:
		return Refuse(CodeTokenBusy, "serial", t.Serial)
	}
	return nil
}

// fits: the token has the slot, and can type what the site wants.
func (d *decision) fits(info TokenInfo, slot int) []rule {
	_, has := info.slot(slot)
	digits := slices.Contains(info.Digits, d.site.Digits)
	return []rule{
		{"token.slot", refuseUnless(has, CodeSlotMissing, "slot", strconv.Itoa(slot))},
		{"token.digits", refuseUnless(digits, CodeDigitsUnsupported,
			"digits", strconv.Itoa(d.site.Digits))},
	}
}

func (t TokenInfo) slot(number int) (SlotInfo, bool) {
	for _, slot := range t.Slots {
		if slot.Number == number {
			return slot, true
		}
	}
	return SlotInfo{}, false
}

// foreign reports whether the slot holds something this desk did not write: somebody may still need
// it. What the desk wrote there itself is revoked before it is overwritten.
func foreign(t Token, info TokenInfo, slot int) bool {
	held, _ := info.slot(slot)
	ours := t.Credential != "" && t.Slot == slot
	return held.Configured && !ours
}

// unplugged: the token is gone again. One in doubt stays the one that is asked for.
func (d *decision) unplugged() *Refusal {
	v := &d.visit
	if v.Progress == ProgressWiping {
		return Refuse(CodeWrongStep)
	}
	v.Problem, v.Params = "", nil
	if v.Credential == "" {
		v.Token = ""
	}
	v.Slots, v.Overwrites = nil, false
	if v.Step == StepCheck {
		v.Step = StepPlug
	}
	return nil
}

// pick chooses another slot of the token under the hand.
func (d *decision) pick(c Pick) *Refusal {
	t, _ := Get[Token](d.s, string(d.visit.Token))
	info := TokenInfo{Slots: d.visit.Slots}
	_, has := info.slot(c.Slot)
	no := d.all(rule{"token.slot", refuseUnless(has, CodeSlotMissing,
		"slot", strconv.Itoa(c.Slot))})
	if no != nil {
		return no
	}
	d.visit.Slot, d.visit.Overwrites = c.Slot, foreign(t, info, c.Slot)
	return nil
}

// again leaves a problem. A token in doubt is finished first: it alone is asked for.
func (d *decision) again() *Refusal {
	v := &d.visit
	v.Problem, v.Params, v.Progress = "", nil, ProgressNone
	switch v.Errand {
	case ErrandReturn:
		v.Step, v.Token = StepReturn, ""
	case ErrandPasscode:
		v.Step = StepSituation
	default:
		v.Step = StepPlug
		if v.Credential == "" {
			v.Token = ""
		}
	}
	return nil
}

// setAside marks the token under the hand as not to be lent. What doubt there is stays listed.
func (d *decision) setAside(c SetAside) *Refusal {
	note, no := d.text(c.Note, true)
	if no != nil {
		return no
	}
	t, known := Get[Token](d.s, string(d.visit.Token))
	no = d.all(
		rule{"visit.step", refuseUnless(d.visit.Errand == ErrandLoan, CodeWrongStep)},
		rule{"token.present", refuseUnless(known, CodeTokenAbsent)},
	)
	if no != nil {
		return no
	}
	t.State, t.Note, t.Since = TokenAside, note, d.now.At
	d.put(t)
	d.detail("note", note)
	d.detail("serial", t.Serial)
	d.entry.Token = t.ID
	v := &d.visit
	v.Token, v.Credential, v.Slots, v.Overwrites = "", "", nil, false
	v.Step, v.Progress, v.Problem, v.Params = StepPlug, ProgressNone, "", nil
	return nil
}
