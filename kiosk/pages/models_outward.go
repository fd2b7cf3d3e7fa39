package pages

// Paths of the display that faces the person. Everything it links is under the first.
const (
	PathOutward = "/person-display"
	// PathOutwardLook takes a GET that says how this display looks (lang; theme, text or OutwardPlain).
	PathOutwardLook = PathOutward + "/look"
	PathOutwardLive = PathOutward + "/live"
)

// OutwardPlain takes a theme or a text size back.
const OutwardPlain = "plain"

// OutwardState is what the display that faces the person shows.
type OutwardState string

// The states of the outward display (P0, P1, P6, P7).
const (
	// OutwardIdle: nobody is served here now.
	OutwardIdle OutwardState = "idle"
	// OutwardServed: Doing says what the officer does.
	OutwardServed OutwardState = "served"
	// OutwardTouch: a token is written and touched, Stage says how far.
	OutwardTouch OutwardState = "touch"
	// OutwardLook: what matters stands on the officer's screen.
	OutwardLook OutwardState = "look"
	// OutwardDone: Doing says what was done, until the person leaves.
	OutwardDone OutwardState = "done"
)

// OutwardView is the display that faces the person. It has no digit in it but the support hours, no
// form, and nothing of an officer. OutwardLive is its live region, which is all of its work.
type OutwardView struct {
	Frame
	State OutwardState
	Site  string
	Hours []string
	// Name and Native are the person's own, empty before the face was checked.
	Name, Native, NativeLang string
	// Doing is a key of the catalogue: title and lead are under outward by it.
	Doing string
	Stage WriteStage
	// Token: they leave with a token, and are told how it is used. Second: they should add a device.
	Token, Second bool
}
