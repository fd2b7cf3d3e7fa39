package provisioning

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Order is one posted form: who acts, under which op id, in which visit, and what they want.
type Order struct {
	// By and Op are empty in the desk's own orders (Plugged, Unplugged) and in no other.
	By    OfficerID
	Op    OpID
	Visit VisitID
	// At and Synced are the desk's clock when the form arrived, Desk is its id. The runner fills
	// them in.
	At     time.Time
	Synced bool
	Desk   DeskID
	// DirectoryDown says that people cannot be looked up: nothing is issued.
	DirectoryDown bool
	// Tag stands for the visit's person in the index of the site; empty where it is not known. The
	// runner fills it in.
	Tag string
	// Command is one of the types below.
	Command Command
}

// Command is what an officer, or the person on the turned screen, asks for.
type Command interface{ command() }

// The commands.
type (
	// Open starts a visit for a person found by card or number. Tapped says it was a card tap.
	Open struct {
		Person Person
		Tapped bool
	}
	// Confirm answers the identity check: the face matches and this evidence was seen. A supervisor's
	// word needs the supervisor's own PIN, checked before the order is made; Voucher names them.
	Confirm struct {
		Evidence Evidence
		Voucher  OfficerID
	}
	// Doubt answers the identity check with no, or not sure.
	Doubt struct{}
	// Choose picks an errand: at the choices, after an errand is done, or, for a loss reported by a
	// person who has no card left, before identity is checked.
	Choose struct{ Errand Errand }
	// Ask answers what the loan asks of the officer.
	Ask struct {
		Reason    string
		PhoneSeen bool
	}
	// Turn hands the screen to the person (true) or takes it back (false: the officer's PIN was
	// checked before the order is made).
	Turn struct{ Away bool }
	// Agree is the person accepting the terms of this version, on the turned screen.
	Agree struct{ Terms string }
	// Plugged tells the visit which token was identified. The desk itself gives it.
	Plugged struct {
		Token TokenInfo
		// Slot to write; 0 means the site's.
		Slot int
	}
	// Unplugged tells the visit that its token is gone again. The desk itself gives it.
	Unplugged struct{}
	// Pick chooses another slot of the token under the hand.
	Pick struct{ Slot int }
	// Write is "Write and loan". Overwrite confirms that what the slot holds may be erased. The
	// runner fills in what it holds in its hand and the credential it prepared.
	Write struct {
		Overwrite bool
		Hand      Hand
		Prepared  Prepared
	}
	// Again leaves a problem for another try with a new seed.
	Again struct{}
	// SetAside marks the token under the hand as not to be lent, with a note.
	SetAside struct{ Note string }
	// Park frees the counter while the verifier's verdict is awaited.
	Park struct{}
	// Resume takes a held or parked visit up again.
	Resume struct{}
	// ReportLost ends the open loan as lost. With a card it revokes, without it suspends.
	ReportLost struct {
		Loan LoanID
		Note string
	}
	// Reinstate lifts a suspension at the counter, with card and token present.
	Reinstate struct{ Loan LoanID }
	// TakeBack ends the open loan as returned. ByHand: the token cannot be plugged in; its serial
	// was typed, it is marked damaged and is not wiped.
	TakeBack struct {
		Loan   LoanID
		ByHand bool
		Serial string
		// Hand is filled in by the runner.
		Hand Hand
	}
	// Restock wipes a token that is in doubt, aside, damaged or lost, and puts it back in stock. It
	// needs no visit. If a loan of the token is still open, that loan is returned.
	Restock struct {
		Token TokenID
		// Hand is filled in by the runner.
		Hand Hand
	}
	// Void undoes a wrong hand-over, with a reason. Like SettleFee it needs no visit; given one, it
	// is that visit's errand.
	Void struct {
		Loan   LoanID
		Reason string
		// Touched is the officer whose token was touched for it, before the order is made.
		Touched OfficerID
	}
	// SettleFee moves a fee: paid with a reference, waived or reversed with a reason.
	SettleFee struct {
		Loan      LoanID
		To        FeeState
		Reference string
		// Touched is the officer whose token was touched for a waiver.
		Touched OfficerID
	}
	// Speak is an officer choosing the language they work in.
	Speak struct{ Lang string }
	// Stay says that somebody is still here: it moves Visit.Deadline, and Visit.TouchBy while a touch
	// is awaited, and nothing else.
	Stay struct{}
	// Back returns a visit whose identity is checked to the choices, as long as nothing is written.
	Back struct{}
	// Hold keeps the visit while the desk is locked.
	Hold struct{}
	// AskSecond says why a passcode is needed for which the site asks a second officer, and waits for
	// their approval.
	AskSecond struct {
		Situation, Justification string
	}
	// IssuePasscode issues what the situation leads to. One of the same type the person already has
	// is replaced. At StepReveal, StepProblem and StepDone of a passcode it issues anew; there, and
	// at StepSecond, an empty Situation means the visit's own. Turn hands the screen to the person
	// with the same tap. The runner fills in what it prepared.
	IssuePasscode struct {
		Situation, Justification string
		Turn                     bool
		Prepared                 PreparedPasscode
	}
	// RevokePasscode ends a passcode of the visit's person.
	RevokePasscode struct{ Passcode PasscodeID }
	// Reveal is the person asking to see the passcode, on the turned screen. The runner says whether
	// it still holds the digits.
	Reveal struct{ Held bool }
	// Hide is the person asking to hide it again.
	Hide struct{}
	// Noted is the person saying that they have it. The digits are gone after that.
	Noted struct{}
	// End ends the visit, whatever its step; a write under way becomes doubtful.
	End struct{}
)

// Hand is the token the runner took over for an order, identified just now, or why it could not.
type Hand struct {
	Token   TokenInfo
	Trouble *Refusal
}

// Prepared is a credential that waits to be written: its id, its seed sealed for the verifier, and
// for whom and what it was sealed. A decision that finds anybody else at the counter refuses it.
type Prepared struct {
	Credential CredentialID
	Seed       feed.Record
	Person     PersonID
	Token      TokenID
	// Generation of the access code that will guard the slot; 0 means none.
	Generation int
}

func (Open) command()       {}
func (Confirm) command()    {}
func (Doubt) command()      {}
func (Choose) command()     {}
func (Ask) command()        {}
func (Turn) command()       {}
func (Agree) command()      {}
func (Plugged) command()    {}
func (Unplugged) command()  {}
func (Pick) command()       {}
func (Write) command()      {}
func (Again) command()      {}
func (SetAside) command()   {}
func (Park) command()       {}
func (Resume) command()     {}
func (ReportLost) command() {}
func (Reinstate) command()  {}
func (TakeBack) command()   {}
func (Restock) command()    {}
func (Void) command()       {}
func (SettleFee) command()  {}
func (Speak) command()      {}
func (Stay) command()       {}
func (Back) command()       {}
func (Hold) command()       {}
func (End) command()        {}

func (AskSecond) command()      {}
func (IssuePasscode) command()  {}
func (RevokePasscode) command() {}
func (Reveal) command()         {}
func (Hide) command()           {}
func (Noted) command()          {}
