package provisioning

import "time"

// Step is where a visit is. Each step is one page of the kiosk.
type Step string

// The steps of a visit.
const (
	// StepIdentify: the person is known, the face and the evidence are not checked yet.
	StepIdentify Step = "identify"
	// StepMismatch: the officer said the face does not match; only recording and ending is left.
	StepMismatch Step = "mismatch"
	// StepChoose: identity is checked; the tiles.
	StepChoose Step = "choose"
	// StepPlug: a loan was chosen; a token must be plugged in.
	StepPlug Step = "plug"
	// StepCheck: a token is identified; what will happen is shown, terms on the turned screen.
	StepCheck Step = "check"
	// StepWrite: the journal runs: prepare, write, touch. Visit.Progress says how far.
	StepWrite Step = "write"
	// StepVerify: proven, the verifier's verdict is awaited.
	StepVerify Step = "verify"
	// StepDone: the outcome is durable and shown.
	StepDone Step = "done"
	// StepProblem: something failed; Visit.Problem says what was and was not done.
	StepProblem Step = "problem"
	// StepReturn: a return was chosen; the token is wiped when plugged, or set aside by hand.
	StepReturn Step = "return"
	// StepLost: a loss is being reported.
	StepLost Step = "lost"
	// StepSituation: a passcode was chosen; why it is needed decides which.
	StepSituation Step = "situation"
	// StepSecond: a second officer has to approve it, with their own token.
	StepSecond Step = "second"
	// StepReveal: issued. The person sees it on the turned screen once the verifier has it.
	StepReveal Step = "reveal"
)

// Errand is what the visit is for.
type Errand string

// The errands.
const (
	ErrandNone   Errand = ""
	ErrandLoan   Errand = "loan"
	ErrandReturn Errand = "return"
	ErrandLost   Errand = "lost"
	ErrandVoid   Errand = "void"
	// ErrandReinstate lifts a suspension, at StepLost with the token on the bench.
	ErrandReinstate Errand = "reinstate"
	// ErrandPasscode is absent where the site issues none.
	ErrandPasscode Errand = "passcode"
	// ErrandFee is what a visit is left with after its fee was settled; it is not chosen.
	ErrandFee Errand = "fee"
)

// VisitState says whether the visit holds the counter.
type VisitState string

// The states of a visit.
const (
	// VisitOpen is at the counter now.
	VisitOpen VisitState = "open"
	// VisitHeld waits for its officer: the desk was locked, or restarted. Until Visit.Deadline.
	VisitHeld VisitState = "held"
	// VisitParked is proven and waits for the verifier under a pick-up reference; the counter is
	// free for the next person.
	VisitParked VisitState = "parked"
	// VisitEnded is over.
	VisitEnded VisitState = "ended"
)

// Progress of the journal at StepWrite, as the step track shows it.
type Progress string

// The progress of a write.
const (
	ProgressNone Progress = ""
	// ProgressWriting: the intent is durable, the token is being written.
	ProgressWriting Progress = "writing"
	// ProgressTouch: written, the touch is awaited.
	ProgressTouch Progress = "touch"
	// ProgressProven: it typed the right code.
	ProgressProven Progress = "proven"
	// ProgressWiping: at StepReturn, the intent is durable, the token is being wiped.
	ProgressWiping Progress = "wiping"
)

// Visit is one person at the counter, from card to goodbye. It is a row: a restart finds it again.
type Visit struct {
	ID      VisitID
	Person  PersonID
	Officer OfficerID
	// Opener is the officer who began it; Officer is the one it is with now.
	Opener OfficerID
	State  VisitState
	Step   Step
	Errand Errand
	// Evidence the officer ticked, with who vouched when it is a supervisor's word.
	Evidence Evidence
	Voucher  OfficerID
	// What the loan asked and was answered.
	Reason    string
	PhoneSeen bool
	Terms     string
	AgreedAt  time.Time
	// Token under the officer's hand, its slot, and the credential being made.
	Token      TokenID
	Slot       int
	Credential CredentialID
	Loan       LoanID
	Progress   Progress
	// Slots is what the token said of its slots; Overwrites that Slot holds something this desk did
	// not write, so that Write must confirm it.
	Slots      []SlotInfo
	Overwrites bool
	// Position is the leaf of the newest order this visit gave the verifier: see Verifier.Holds.
	// It is -1 until there is one.
	Position int64
	// TouchBy is until when the touch is waited for.
	TouchBy time.Time
	// Problem is the code of what went wrong at StepProblem, with its parameters. At StepPlug,
	// StepReturn and StepLost it is a notice about the token plugged in, at StepWrite about what it
	// typed.
	Problem Code
	Params  map[string]string
	// Fee is what this visit made of a fee, at ErrandFee. The loan itself may be out of sight by then.
	Fee Fee
	// Situation and Justification are why the person needs a passcode; Passcode is the one this visit
	// issued or revoked, and PasscodeEnd how it ended, once it did.
	Situation, Justification string
	Passcode                 PasscodeID
	PasscodeEnd              PasscodeEnd
	// ShownUntil is until when the passcode stands on the turned screen; zero means that it is
	// hidden.
	ShownUntil time.Time
	// Elsewhere is the token the person had from another desk of the site, as far as was known when
	// they came, or were looked at.
	Elsewhere TokenID
	// PickUp is the short reference of a parked visit, and of any finished one.
	PickUp string
	At     time.Time
	// Deadline is when the visit is dropped without activity.
	Deadline time.Time
	// Turned is set while the screen faces the person: only person commands are taken.
	Turned bool
}

// Kind implements Row.
func (Visit) Kind() Kind { return KindVisit }

// Key implements Row.
func (v Visit) Key() string { return string(v.ID) }

// Subject implements Row.
func (v Visit) Subject() PersonID { return v.Person }

// Tags implements Row.
func (v Visit) Tags() []Tag {
	return []Tag{{ByState, string(v.State)}, {ByOfficer, string(v.Officer)},
		{ByPerson, string(v.Person)}}
}

// Live implements Row.
func (v Visit) Live() bool { return v.State != VisitEnded }
