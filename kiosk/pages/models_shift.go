package pages

// Paths of the shift.
const (
	PathShift = "/shift"
	// PathShiftTotals is the same in CSV: counts, and nobody's name.
	PathShiftTotals = PathShift + ".csv"
	// PathShiftCount is where the drawer's count is typed.
	PathShiftCount = PathShift + "/count"
)

// Values of do on the page of the shift.
const (
	DoCount    = "count"     // Count: how many tokens lie in the drawer
	DoTakeOver = "take_over" // Held: take a colleague's visit over; visit
	DoRetry    = "retry"     // Shift: send a dead letter again; notice
	DoTold     = "told"      // Shift: the person was told by hand; notice
)

// ShiftView is where everything stands: for whoever begins a shift, and for whoever ends one.
type ShiftView struct {
	Frame
	Totals []Total
	// Counted is the newest count of the drawer, nil when there was none.
	Counted *CountFact
	Dead    []DeadRow
	Entries []EntryRow
	// More: there were more entries today than stand here.
	More bool
	// Protection of the desk's keys: "file", "host" or "tpm"; empty says nothing.
	Protection string
}

// CountFact is one count of the drawer.
type CountFact struct {
	At, Officer       string
	Counted, Expected int
}

// Total is one number of the shift. Key is in the catalogue, Path leads to what is counted.
type Total struct {
	Key   string
	N     int
	Value string
	Path  string
	Tone  Tone
}

// DeadRow is a notice that was given up.
type DeadRow struct{ ID, Name, About, Channel, At, Why string }

// EntryRow is one line of today's log.
type EntryRow struct {
	At, Officer, Act, Person, Outcome string
}

// CountView asks how many tokens lie in the drawer.
type CountView struct {
	Frame
	Pad Pad
}
