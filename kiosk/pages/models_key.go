package pages

// TouchStage is what an officer's token is waited for.
type TouchStage string

// The stages of TouchView.
const (
	// TouchPlug: it is not plugged in. TouchOnce: it is to be touched. TouchTwice: once more, for the
	// next time.
	TouchPlug  TouchStage = "plug"
	TouchOnce  TouchStage = "touch"
	TouchTwice TouchStage = "again"
)

// TouchView waits for an officer's token (do=cancel). TouchLive is its live region.
type TouchView struct {
	Frame
	// Act is what for: the last part of a key of the catalogue's table touch ("unlock", "void").
	Act string
	// Other: another officer's token is wanted.
	Other bool
	Stage TouchStage
}

// LockedOutView lists the officers whose tries were used up (do=lift; officer).
type LockedOutView struct {
	Frame
	Rows []LockedOutRow
}

// LockedOutRow is one of them.
type LockedOutRow struct{ ID, Name string }

// KeyState is what can be done about the officer's own token.
type KeyState string

// The states of KeyView.
const (
	// KeyNotLent: no token is on loan to the officer. KeyPlug: it is to be plugged in. KeyPlugged:
	// do=enrol makes it the officer's key.
	KeyNotLent KeyState = "not_lent"
	KeyPlug    KeyState = "plug"
	KeyPlugged KeyState = "plugged"
)

// KeyView is the officer's own token.
type KeyView struct {
	Frame
	State  KeyState
	Serial string
	// Since is when it became the officer's key, empty when it is none. Doubtful: making it one was
	// cut short. Low: one touch will soon not be enough.
	Since         string
	Doubtful, Low bool
	// Slot is what is written; Overwrites says it holds something of somebody's.
	Slot       int
	Overwrites bool
}
