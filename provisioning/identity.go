package provisioning

import "time"

// confirm: the officer saw the face and this evidence.
func (d *decision) confirm(c Confirm) *Refusal {
	d.entry.Evidence = c.Evidence
	person, _ := Get[Person](d.s, string(d.visit.Person))
	_, accepted := d.site.Permits(c.Evidence)
	card := c.Evidence == EvidenceUniversityCard
	// A clock nobody set cannot say that a card has expired.
	expired := d.now.Synced && d.site.CardExpired(person.CardUntil, d.now.At)
	no := d.all(
		rule{"evidence.accepted", refuseUnless(accepted, CodeEvidenceNotAccepted)},
		rule{"card.expired", refuseUnless(!card || !expired, CodeCardExpired,
			"until", person.CardUntil.Format(time.DateOnly))},
		rule{"card.replaced", refuseUnless(!card || person.CardReplacedBy == "", CodeCardReplaced)},
	)
	if no == nil && c.Evidence == EvidenceSupervisor {
		no = d.vouched(c.Voucher)
	}
	if no != nil {
		return no
	}
	d.visit.Evidence, d.visit.Step = c.Evidence, StepChoose
	if d.o.Tag != "" {
		d.visit.Elsewhere = d.hasElsewhere()
	}
	if c.Evidence == EvidenceSupervisor {
		d.visit.Voucher = c.Voucher
		d.detail("voucher", string(c.Voucher))
	}
	return nil
}

// vouched: a supervisor's word counts when it is another one's, about another one.
func (d *decision) vouched(by OfficerID) *Refusal {
	voucher, known := Get[Officer](d.s, string(by))
	return d.all(
		rule{"supervisor.named", refuseUnless(by != "", CodeSupervisorMissing)},
		rule{"supervisor.other", refuseUnless(by != d.o.By, CodeSupervisorSame)},
		rule{"supervisor.rank", refuseUnless(known && voucher.Supervisor && !voucher.Disabled,
			CodeSupervisorNot)},
		rule{"supervisor.not-person", refuseUnless(!voucher.is(d.visit.Person),
			CodeSupervisorIsPerson)},
	)
}

// doubtIdentity stops the visit: nothing is issued, and the log says who was not believed.
func (d *decision) doubtIdentity() *Refusal {
	d.visit.Step = StepMismatch
	d.entry.Outcome = OutcomeRefused
	return nil
}
