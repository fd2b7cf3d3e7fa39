package provisioning

import (
	"strconv"
	"time"
)

type (
	// CountDrawer is an officer saying how many tokens lie in the drawer, counted by hand.
	CountDrawer struct{ Counted int }
	// TakeOver takes a colleague's held visit over. The log says from whom.
	TakeOver struct{}
)

func (CountDrawer) command() {}
func (TakeOver) command()    {}

// Drawer is the newest count of the drawer.
type Drawer struct {
	Officer           OfficerID
	Counted, Expected int
	At                time.Time
}

// KindDrawer is the table of the drawer.
const KindDrawer Kind = "drawer"

// Kind implements Row.
func (Drawer) Kind() Kind { return KindDrawer }

// Key implements Row: there is one.
func (Drawer) Key() string { return "drawer" }

// Subject implements Row.
func (Drawer) Subject() PersonID { return "" }

// Tags implements Row.
func (Drawer) Tags() []Tag { return nil }

// Live implements Row.
func (Drawer) Live() bool { return true }

// maxDrawer is more than any drawer holds.
const maxDrawer = 10_000

// countDrawer records the count beside what the desk expects. A difference is a fact, not a refusal.
func (d *decision) countDrawer(c CountDrawer) *Refusal {
	no := d.all(rule{"drawer.count", refuseUnless(c.Counted >= 0 && c.Counted <= maxDrawer,
		CodeCountUnlikely)})
	if no != nil {
		return no
	}
	expected := ShiftOf(d.s).Stock
	d.put(Drawer{Officer: d.o.By, Counted: c.Counted, Expected: expected, At: d.now.At})
	d.detail("counted", strconv.Itoa(c.Counted))
	d.detail("expected", strconv.Itoa(expected))
	return nil
}

// takeOver: only what its officer holds can be taken over; who opened the visit stays on record, so
// that they still cannot be its second officer.
func (d *decision) takeOver() *Refusal {
	no := d.all(
		rule{"visit.held", refuseUnless(d.visit.State == VisitHeld, CodeWrongStep)},
		rule{"visit.other", refuseUnless(d.visit.Officer != d.o.By, CodeWrongStep)},
		d.oneAtCounter(d.visit.ID),
	)
	if no != nil {
		return no
	}
	d.detail("from", string(d.visit.Officer))
	d.take(d.visit)
	return nil
}

// Shift is where everything of the desk stands now.
type Shift struct {
	// Stock counts tokens in the drawer, Lent those on loan, Doubtful those nobody may rely on.
	Stock, Lent, Doubtful int
	// Held and Parked count visits.
	Held, Parked int
	// OpenFees counts fees that are due, and Due adds them up.
	OpenFees int
	Due      Money
	// Passcodes count those that work now.
	Passcodes int
	// Notices wait to be sent; Dead were given up. Requests wait for an officer.
	Notices, Dead, Requests int
	// Tasks are to be seen to: what the verifier did not take.
	Tasks int
}

// ShiftOf counts.
func ShiftOf(s Snapshot) Shift {
	shift := Shift{
		Stock:     countBy[Token](s, string(TokenStock)),
		Lent:      countBy[Loan](s, string(LoanOpen)),
		Doubtful:  len(Doubtful(s)),
		Held:      countBy[Visit](s, string(VisitHeld)),
		Parked:    countBy[Visit](s, string(VisitParked)),
		Passcodes: countBy[Passcode](s, string(PasscodeLive)),
		Notices:   WaitingNotices(s),
		Dead:      len(DeadNotices(s)),
		Requests:  len(Requests(s)),
		Tasks:     len(Tasks(s)),
	}
	for loan := range Find[Loan](s, ByState, string(LoanLost)) {
		if loan.Fee.State == FeeDue {
			shift.OpenFees++
			shift.Due.Minor += loan.Fee.Amount.Minor
			shift.Due.Label = loan.Fee.Amount.Label
		}
	}
	return shift
}

func countBy[R Row](s Snapshot, state string) int {
	n := 0
	for range Find[R](s, ByState, state) {
		n++
	}
	return n
}
