package provisioning

import "time"

// ApprovalFor is how long a second officer's approval is good.
const ApprovalFor = 2 * time.Minute

// Approval is a second officer's word, given on the spot with their own token, for one act in one
// visit. It is used once. No form carries it: only the desk itself writes it, after it checked the
// token, so that a form made by hand cannot claim one.
type Approval struct {
	Visit VisitID
	Act   Act
	// About is what exactly was approved; for a passcode, the situation.
	About   string
	Person  PersonID
	Officer OfficerID
	At      time.Time
	// Used is set by the act that used it.
	Used bool
}

// Kind implements Row.
func (Approval) Kind() Kind { return KindApproval }

// Key implements Row: one act of one visit has one approval.
func (a Approval) Key() string { return string(a.Visit) + "/" + string(a.Act) }

// Subject implements Row.
func (a Approval) Subject() PersonID { return a.Person }

// Tags implements Row.
func (Approval) Tags() []Tag { return nil }

// Live implements Row.
func (a Approval) Live() bool { return !a.Used }

// ActPasscode is the act of issuing a passcode, as an Approval names it.
const ActPasscode Act = "passcode.issue"

// Approve puts a second officer's approval on record. Whoever calls it has checked that the officer
// is there: their token was touched just now. Like Decide it returns a change with a *Refusal when the
// refusal is to be recorded.
func Approve(s Snapshot, now Now, visit VisitID, act Act, by OfficerID) (Change, error) {
	v, ok := Get[Visit](s, string(visit))
	if !ok {
		return Change{}, Refuse(CodeVisitUnknown)
	}
	d := &decision{draft: newDraft(s, now, string(by), "visit.approve"), visit: v}
	d.about(v)
	d.detail("act", string(act))
	d.detail("situation", v.Situation)
	no := d.all(
		rule{"visit.open", refuseUnless(v.State == VisitOpen, CodeVisitHeld)},
		rule{"visit.step", refuseUnless(act == ActPasscode && v.Step == StepSecond, CodeWrongStep)},
	)
	if no == nil {
		no = d.second(by, v.Officer)
	}
	if no != nil {
		d.entry.Outcome = OutcomeRefused
		d.detail("code", string(no.Code))
		return d.change(), no
	}
	d.put(Approval{Visit: v.ID, Act: act, About: v.Situation, Person: v.Person, Officer: by,
		At: now.At})
	d.touch(v)
	return d.change(), nil
}

// second: the second officer is another one than whoever acts and whoever opened the visit, may
// work here, and is not the person.
func (d *decision) second(by, acting OfficerID) *Refusal {
	o, known := Get[Officer](d.s, string(by))
	return d.all(
		rule{"second.known", refuseUnless(known && !o.Disabled, CodeSecondNot)},
		rule{"second.other", refuseUnless(by != acting && by != d.visit.Opener, CodeSecondSame)},
		rule{"second.not-person", refuseUnless(!o.is(d.visit.Person), CodeSecondIsPerson)},
	)
}

// approved finds the approval of an act, if it is still good, and checks the officer once more.
func (d *decision) approved(act Act, about string) (Approval, *Refusal) {
	a, ok := Get[Approval](d.s, Approval{Visit: d.visit.ID, Act: act}.Key())
	age := d.now.At.Sub(a.At)
	no := d.all(
		rule{"second.approved", refuseUnless(ok && a.About == about, CodeSecondMissing)},
		rule{"second.fresh", refuseUnless(age >= 0 && age <= ApprovalFor, CodeSecondLate)},
	)
	if no == nil {
		no = d.second(a.Officer, d.o.By)
	}
	return a, no
}
