package provisioning

import "time"

// Order is one posted form: who acts, under which op id, in which visit, and what they want.
type Order struct {
	By    OfficerID
	Op    OpID
	Visit VisitID
	// At and Synced are the desk's clock when the form arrived.
	At     time.Time
	Synced bool
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
	// Choose picks an errand.
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
		// Slots is what the token says of its slots.
		Slot int
	}
	// Write is "Write and loan": the credential the desk prepared, and its sealed seed record.
	Write struct{ Overwrite bool }
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
	}
	// Void undoes a wrong hand-over, with a reason.
	Void struct {
		Loan   LoanID
		Reason string
	}
	// SettleFee moves a fee: paid with a reference, waived or reversed with a reason.
	SettleFee struct {
		Loan      LoanID
		To        FeeState
		Reference string
	}
	// Stay says that somebody is still here: it moves Visit.Deadline and nothing else.
	Stay struct{}
	// Back returns a visit whose identity is checked to the choices, as long as nothing is written.
	Back struct{}
	// Hold keeps the visit while the desk is locked.
	Hold struct{}
	// End ends the visit, whatever its step; a write under way becomes doubtful.
	End struct{}
)

func (Open) command()       {}
func (Confirm) command()    {}
func (Doubt) command()      {}
func (Choose) command()     {}
func (Ask) command()        {}
func (Turn) command()       {}
func (Agree) command()      {}
func (Plugged) command()    {}
func (Write) command()      {}
func (Again) command()      {}
func (SetAside) command()   {}
func (Park) command()       {}
func (Resume) command()     {}
func (ReportLost) command() {}
func (Reinstate) command()  {}
func (TakeBack) command()   {}
func (Void) command()       {}
func (SettleFee) command()  {}
func (Stay) command()       {}
func (Back) command()       {}
func (Hold) command()       {}
func (End) command()        {}
