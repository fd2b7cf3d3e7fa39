package provisioning

import (
	"crypto/sha256"
	"strings"
	"time"
)

// open starts a visit, or takes up the one this person already has. There is one counter: a visit
// that another officer left open there is held for them.
func (d *decision) open(c Open) *Refusal {
	d.entry.Person = c.Person.ID
	had, found := d.visitOf(c.Person.ID)
	no := d.all(
		rule{"person.named", refuseUnless(c.Person.ID != "" && c.Person.Account != "",
			CodePersonUnnamed)},
		d.notPerson(c.Person.ID),
		d.oneAtCounter(had.ID),
		rule{"visit.one-per-person", refuseUnless(!found || d.mayTake(had) || !had.underWay(),
			CodeVisitOther, "officer", string(had.Officer))},
	)
	if no != nil {
		return no
	}
	d.put(c.Person)
	if found && d.mayTake(had) {
		d.take(had)
		return nil
	}
	if found {
		d.end(had, CodeAbandoned)
	}
	d.clearCounter("")
	if c.Tapped {
		d.detail("by", "card")
	}
	id := VisitID(d.id("visit", string(c.Person.ID)))
	d.visit = Visit{
		ID: id, Person: c.Person.ID, Officer: d.o.By, Opener: d.o.By, State: VisitOpen,
		Step: StepIdentify, PickUp: pickUp(id), At: d.now.At, Position: -1,
		Elsewhere: d.hasElsewhere(),
	}
	return nil
}

// resume takes a held or parked visit up again.
func (d *decision) resume() *Refusal {
	no := d.all(
		rule{"visit.whose", refuseUnless(d.mayTake(d.visit), CodeVisitOther,
			"officer", string(d.visit.Officer))},
		d.oneAtCounter(d.visit.ID),
	)
	if no == nil {
		d.take(d.visit)
	}
	return no
}

// mayTake: a visit goes on with its own officer; one that is proven and waits, with any.
func (d *decision) mayTake(v Visit) bool {
	return v.Officer == d.o.By || v.State == VisitParked || v.Step == StepVerify
}

func (d *decision) take(v Visit) {
	d.clearCounter(v.ID)
	v.Officer, v.State, v.Turned, v.ShownUntil = d.o.By, VisitOpen, false, time.Time{}
	d.visit = v
}

// oneAtCounter: an officer ends or holds one visit before the next.
func (d *decision) oneAtCounter(except VisitID) rule {
	return rule{"visit.one-open", func() *Refusal {
		for v := range Find[Visit](d.s, ByState, string(VisitOpen)) {
			if v.Officer == d.o.By && v.ID != except {
				return Refuse(CodeVisitOpen, "visit", string(v.ID))
			}
		}
		return nil
	}}
}

// clearCounter holds what other officers left open.
func (d *decision) clearCounter(except VisitID) {
	for old := range Find[Visit](d.s, ByState, string(VisitOpen)) {
		v, live := read[Visit](d.draft, string(old.ID))
		if live && v.ID != except && v.Officer != d.o.By {
			d.draft.hold(v)
		}
	}
}

// visitOf finds the visit of a person that has not ended. There is at most one.
func (d *decision) visitOf(id PersonID) (Visit, bool) {
	for v := range Find[Visit](d.s, ByPerson, string(id)) {
		return v, true
	}
	return Visit{}, false
}

// underWay reports whether the desk's own journal works for this visit right now.
func (v Visit) underWay() bool { return v.Step == StepWrite || v.Progress == ProgressWiping }

func (d *decision) holdVisit() *Refusal {
	d.visit.State, d.visit.Turned, d.visit.ShownUntil = VisitHeld, false, time.Time{}
	return nil
}

func (d *decision) parkVisit() *Refusal {
	d.visit.State = VisitParked
	return nil
}

func (d *decision) endVisit() *Refusal {
	d.visit = d.draft.end(d.visit, CodeAbandoned)
	return nil
}

// stay moves the deadline, as every order does, and that of the touch.
func (d *decision) stay() *Refusal {
	if d.visit.Step == StepWrite && d.visit.Progress == ProgressTouch {
		d.visit.TouchBy = d.now.At.Add(TouchFor)
	}
	return nil
}

// speak keeps the language an officer works in.
func (d *decision) speak(c Speak) *Refusal {
	d.officer.Lang = c.Lang
	d.put(d.officer)
	d.detail("lang", c.Lang)
	return nil
}

func (d *decision) turn(c Turn) *Refusal {
	d.visit.Turned = c.Away
	d.visit.ShownUntil = time.Time{}
	return nil
}

// pickUp is a short reference people can read to each other: eight characters of Crockford's
// base32, which has no I, L, O and U.
func pickUp(id VisitID) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	sum := sha256.Sum256([]byte("pick-up " + id))
	var b strings.Builder
	for i := range 8 {
		if i == 4 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[sum[i]%32])
	}
	return b.String()
}
