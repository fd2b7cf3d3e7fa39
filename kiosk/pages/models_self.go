package pages

// Paths of the unattended view. It is a tree of its own on a listener of its own.
const (
	PathSelfRole     = "/role"
	PathSelfAccount  = "/account"
	PathSelfBorn     = "/born"
	PathSelfDocument = "/document"
	PathSelfPassword = "/password"
	PathSelfPasscode = "/passcode"
	PathSelfOfficer  = "/officer"
)

// Values of do in the unattended view.
const (
	DoSelfStart = "self_start" // Start: begin a recovery
	DoSelfNext  = "self_next"  // any question: its answer
	DoSelfEnd   = "self_end"   // forget everything that was typed
)

// SelfStartView waits for somebody (S58): the languages, what can be had, and the officer as the
// other way.
type SelfStartView struct {
	Frame
	Site, Desk string
	// Closed says why no recovery can be had now; empty means that it can.
	Closed string
	// Seconds without a touch end a recovery that was begun.
	Seconds int
}

// SelfOfficerView says where the counter is and when somebody is there (S8).
type SelfOfficerView struct {
	Frame
	Site, Desk string
	Hours      []string
}

// SelfRoleView asks for the role (S10).
type SelfRoleView struct {
	Frame
	// Roles are keys of the catalogue.
	Roles []string
}

// SelfAsk is a question of the recovery.
type SelfAsk string

// The questions (S59): the account, the date of birth, the last four characters of a document.
const (
	SelfAccount  SelfAsk = "account"
	SelfBorn     SelfAsk = "born"
	SelfDocument SelfAsk = "document"
)

// SelfAskView asks one of them.
type SelfAskView struct {
	Frame
	Ask SelfAsk
	Pad Pad
	// Step of Steps questions.
	Step, Steps int
}

// SelfPasswordView asks for the account's password (S61). Pad says how much of it the server keeps
// where scripts are off, and nothing else.
type SelfPasswordView struct {
	Frame
	Account     string
	Pad         Pad
	Step, Steps int
}
