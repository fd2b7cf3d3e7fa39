package pages

// Values of the buttons around a passcode.
const (
	DoPasscode  = "passcode"  // errand tile: why is it needed
	DoPasscodes = "passcodes" // errand tile: what the person has open
	DoIssue     = "issue"     // with a situation: issue it and turn the screen
	DoSecond    = "second"    // with a situation: ask a second officer first
	DoJustify   = "justify"   // with a situation: write down why, then go on
	DoApprove   = "approve"   // Second: the second officer is here
	DoAnew      = "anew"      // issue the same again, and turn the screen
	DoRevoke    = "revoke"    // passcode
	DoRecovery  = "recovery"  // Passcodes: a recovery passcode, and turn the screen
	DoShow      = "show"      // the person: show it
	DoHide      = "hide"      // the person: hide it now
	DoSlip      = "slip"      // the person: print it
	DoNoted     = "noted"     // the person: I have it
)

// PathBye is the goodbye of a visit that ended on the turned screen. It names nobody.
const PathBye = "/goodbye"

// PasscodeTerms are what a passcode is good for.
type PasscodeTerms struct {
	// Kind is "short", "long" or "recovery".
	Kind  string
	Hours int
	// Uses of each code, 0 for unlimited; Count is how many codes there are.
	Uses, Count int
	// Enrol: good for setting up a device and nothing else.
	Enrol bool
}

// SituationTile is why a passcode is needed, with what that leads to.
type SituationTile struct {
	// Key of the site: "phone_forgotten".
	Key   string
	Terms PasscodeTerms
	// Second: another officer has to approve it. Justify: why is written down first. Replaces: the
	// person has one of this kind, and it ends.
	Second, Justify, Replaces bool
	First                     bool
}

// SituationView asks why a passcode is needed. A tile issues it, or leads to what is asked first.
type SituationView struct {
	Frame
	Card  PersonCard
	Tiles []SituationTile
	// Codes is the address of the open passcodes; empty when there is nothing to see there.
	Codes string
}

// SecondView puts a passcode before a second officer. Nothing is issued yet.
type SecondView struct {
	Frame
	Card          PersonCard
	Situation     string
	Justification string
	Terms         PasscodeTerms
	// Until is when it would end.
	Until string
}

// JustifyView asks for a line of text beside a situation.
type JustifyView struct {
	Frame
	Situation string
	Terms     PasscodeTerms
	// Second: a second officer is asked next, and nothing is issued yet.
	Second bool
	Pad    Pad
}

// RevealStage is how far the turned screen is with a passcode.
type RevealStage string

// The stages of a passcode on the turned screen.
const (
	// RevealWait: the sign-in service is being told. RevealReady: hidden, do=show.
	RevealWait  RevealStage = "wait"
	RevealReady RevealStage = "ready"
	// RevealShown: the digits, for Left more seconds.
	RevealShown RevealStage = "shown"
)

// PasscodeTurn is why the screen is turned back from a passcode.
type PasscodeTurn string

// The reasons.
const (
	// PasscodeBack: somebody asked for the officer. PasscodeFailed: there is no passcode to show.
	PasscodeBack   PasscodeTurn = "back"
	PasscodeFailed PasscodeTurn = "failed"
)

// RevealView is the person's view of their passcode. Only at RevealShown are there any digits.
type RevealView struct {
	Frame
	Stage RevealStage
	// Site is the university's name; Name the person's own, at RevealWait only: no name stands beside
	// a passcode.
	Site, Name       string
	Terms            PasscodeTerms
	Until, Reference string
	// Codes are the digits, Left the seconds until they hide, and All how long they are shown.
	Codes     []string
	Left, All int
	// Seen: the person saw it before, so do=noted is offered. Print offers do=slip; Printed says
	// that the paper is out.
	Seen, Print, Printed bool
	// Gone: the desk has forgotten the digits, so do=show is not offered.
	Gone bool
	// Away is the address where the officer takes the screen back.
	Away string
}

// IssuedState is what became of a passcode.
type IssuedState string

// The states of a passcode on the officer's page.
const (
	// IssuedWaiting: the sign-in service does not have it yet. IssuedReady: it does, and the person
	// has not seen it. IssuedSeen: the person has.
	IssuedWaiting IssuedState = "waiting"
	IssuedReady   IssuedState = "ready"
	IssuedSeen    IssuedState = "seen"
	// IssuedRevoking: revoked here, and it works until the sign-in service knows. IssuedRevoked: it
	// does. IssuedEnded: it ended in another way.
	IssuedRevoking IssuedState = "revoking"
	IssuedRevoked  IssuedState = "revoked"
	IssuedEnded    IssuedState = "ended"
)

// IssuedView is what the officer sees of a passcode: everything but the passcode. IssuedLive is its
// live region.
type IssuedView struct {
	Frame
	State            IssuedState
	Name             string
	Situation        string
	Terms            PasscodeTerms
	Until, Reference string
	// SeenAt is a time of day; Second the officer who approved it.
	SeenAt, Second string
	// Again offers to turn the screen once more to a person who has seen it.
	Again bool
	// Passcode is what do=revoke is about.
	Passcode string
	// Codes is the address of the other open passcodes; empty when there are none.
	Codes string
}

// PasscodesView lists what a person may use now.
type PasscodesView struct {
	Frame
	Card PersonCard
	Rows []PasscodeRow
	// Recovery offers a recovery passcode on these terms; Closed says why that is not possible now.
	Recovery *PasscodeTerms
	Closed   string
	// Down: the sign-in service is silent, so that what is revoked works until it is back.
	Down bool
}

// PasscodeRow is one of them.
type PasscodeRow struct {
	ID, Situation string
	Terms         PasscodeTerms
	Since, Until  string
	// Waiting: the sign-in service does not have it yet.
	Waiting bool
}

// ByeView is the goodbye on the turned screen: the visit is over and the desk is locked.
type ByeView struct {
	Frame
	Site string
	// Second advises to add a second device.
	Second bool
}
