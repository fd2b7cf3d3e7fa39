// Package provisioning holds the nouns of the counter and the rules between them: who may get what,
// on which evidence, and how a credential moves from a seed to something the verifier accepts.
//
// Every rule is a pure function from a Snapshot and a Command to a Change or a Refusal. The package
// does no I/O, reads no clock, and refuses to know screens, wires and files.
package provisioning

import (
	"time"
)

// Ids. They are opaque outside the package that makes them.
type (
	// PersonID is the university's own number of a person.
	PersonID string
	// OfficerID is the name an officer signs in with.
	OfficerID string
	// TokenID is vendor and serial, for example "yubikey/12345678".
	TokenID string
	// CredentialID is 16 random bytes in hex.
	CredentialID string
	// LoanID is 16 random bytes in hex.
	LoanID string
	// VisitID is 16 random bytes in hex.
	VisitID string
	// OpID names one rendered form: posting it again repeats nothing.
	OpID string
	// DeskID names this appliance.
	DeskID string
)

// Person is someone at the counter, as the directory described them when the visit began.
type Person struct {
	ID   PersonID
	Site string
	// Name is the full name in Latin script; Native in its own script, with NativeLang ("zh-Hant").
	Name, Native, NativeLang string
	// Role is one of the site's roles, for example "student" or "staff".
	Role string
	// Unit is the faculty or office.
	Unit string
	// Account is the sign-in name, without any mail suffix.
	Account string
	// Card is the number on the university card; CardUntil is when it expires.
	Card      string
	CardUntil time.Time
	// CardReplacedBy is set when a newer card of the same person exists.
	CardReplacedBy string
	// Portrait names the picture the directory holds; empty means none.
	Portrait string
	// Devices counts the other second factors the directory knows of.
	Devices int
	// Lang is the language the person reads, as a BCP 47 tag of the catalogue ("zh-Hant"); empty means
	// the desk's.
	Lang string
	// Mail and Phone are the registered contacts notices go to; Phone is in E.164 form. Empty means
	// none.
	Mail, Phone string
}

// Officer works the counter.
type Officer struct {
	ID   OfficerID
	Name string
	// Person is the officer's own record: never the person of their own visit.
	Person     PersonID
	Supervisor bool
	// PINHash is a PHC string (argon2id).
	PINHash string
	// Failures counts wrong PINs since the last right one; LockedUntil is when the next is taken.
	Failures    int
	LockedUntil time.Time
	Disabled    bool
	// Lang is the language the officer works in, a BCP 47 tag; empty means the desk's.
	Lang string
	// Dismissed says that it was the staff list that disabled this officer: a list that names them
	// again lets them back. One whom an operator disabled stays so.
	Dismissed bool
}

// TokenState is where a token is.
type TokenState string

// The inventory states.
const (
	TokenStock   TokenState = "stock"
	TokenBusy    TokenState = "busy"
	TokenLoaned  TokenState = "loaned"
	TokenLost    TokenState = "lost"
	TokenDamaged TokenState = "damaged"
	TokenAside   TokenState = "aside"
	// TokenDoubtful is a token nobody may rely on: what its slot holds, or where it is, is not known.
	// Writing it anew or wiping it ends the doubt.
	TokenDoubtful TokenState = "doubtful"
)

// Token is the thing itself.
type Token struct {
	ID       TokenID
	Model    string
	Serial   string
	Firmware string
	State    TokenState
	// Generation of the site secret the slot's access code derives from; 0 means no code was set.
	// Previous is the generation before, tried once when Generation is refused.
	Generation, Previous int
	// Slot and Credential are what we last wrote, if anything.
	Slot       int
	Credential CredentialID
	// Pending is the hardware act that was intended and whose outcome is not recorded.
	Pending HardwareAct
	// Note says in words why a token is aside.
	Note  string
	Since time.Time
	// Elsewhere is what another desk of the site ordered about it last, while it was on loan.
	Elsewhere Elsewhere
}

// HardwareAct names what a journal is about to do to a token.
type HardwareAct string

// The hardware acts.
const (
	ActNone  HardwareAct = ""
	ActWrite HardwareAct = "write"
	ActWipe  HardwareAct = "wipe"
)

// CredentialState is the journal of one secret generation.
type CredentialState string

// The states of a credential:
//
//	prepared -> written -> proven -> active <-> suspended -> revoked
//
// and doubtful, for what a crash, an unplug, an abandoned visit or a rejected record left behind.
const (
	CredentialPrepared  CredentialState = "prepared"
	CredentialWritten   CredentialState = "written"
	CredentialProven    CredentialState = "proven"
	CredentialActive    CredentialState = "active"
	CredentialSuspended CredentialState = "suspended"
	CredentialRevoked   CredentialState = "revoked"
	CredentialDoubtful  CredentialState = "doubtful"
)

// Credential is one secret generation in one slot of one token. The secret itself is never here.
type Credential struct {
	ID     CredentialID
	Token  TokenID
	Slot   int
	Digits int
	Person PersonID
	Visit  VisitID
	Loan   LoanID
	State  CredentialState
	// Next is the counter after the proof.
	Next uint64
	// Proof is the id of the proof record whose verdict is awaited, or was given.
	Proof string
	// Position is the feed position that carries the newest order about this credential: once the
	// verifier has acked past it, the order is in force.
	Position int64
	// Reason says in words why it is doubtful, suspended or revoked.
	Reason string
	Since  time.Time
}

// Evidence is how the officer knows who stands there.
type Evidence string

// The kinds of evidence.
const (
	EvidenceUniversityCard Evidence = "university_card"
	EvidenceIdentityCard   Evidence = "identity_card"
	EvidencePassport       Evidence = "passport"
	EvidenceSupervisor     Evidence = "supervisor"
)

// LoanState is where a loan is.
type LoanState string

// The states of a loan.
const (
	LoanOpen     LoanState = "open"
	LoanReturned LoanState = "returned"
	LoanLost     LoanState = "lost"
	LoanVoid     LoanState = "void"
	// LoanSuspended was reported lost without a card: it can be reinstated, or lost for good.
	LoanSuspended LoanState = "suspended"
)

// FeeState is where a replacement fee is.
type FeeState string

// The states of a fee.
const (
	FeeNone     FeeState = ""
	FeeDue      FeeState = "due"
	FeeWaived   FeeState = "waived"
	FeePaid     FeeState = "paid"
	FeeReversed FeeState = "reversed"
)

// Money is an amount in the smallest unit of a currency the site names.
type Money struct {
	// Minor is in hundredths.
	Minor int64
	// Label is the currency as the site writes it, for example "MOP$".
	Label string
}

// Fee is what a lost token costs, and what became of it.
type Fee struct {
	Amount Money
	State  FeeState
	// Reference of a payment, or the reason of a waiver or reversal.
	Reference string
}

// Loan is a token lent to a person.
type Loan struct {
	ID         LoanID
	Person     PersonID
	Token      TokenID
	Credential CredentialID
	Officer    OfficerID
	Visit      VisitID
	State      LoanState
	// Reason the person cannot use the app; Evidence the officer saw; PhoneSeen is S45.
	Reason    string
	Evidence  Evidence
	PhoneSeen bool
	// Terms is the version of the terms the person accepted.
	Terms string
	Fee   Fee
	At    time.Time
	// Due is zero when the clock was not synchronised: no due date is made from a wrong clock.
	Due   time.Time
	Ended time.Time
	// EndReason says why it was voided or reported lost.
	EndReason string
}

// OpResult remembers what a posted form did, so that posting it again shows the same.
type OpResult struct {
	ID    OpID
	Visit VisitID
	// Refusal is the code the first post was refused with, if it was.
	Refusal Code
	Params  map[string]string
	At      time.Time
}

// Verifier is what the desk knows of its follower.
type Verifier struct {
	// Acked is the position the verifier holds durably; LastSeen is when it last brought news.
	Acked    int64
	LastSeen time.Time
	// Published is the position after the newest leaf that carries records.
	Published int64
}

// Holds reports whether the order in the leaf at this position is in force.
func (v Verifier) Holds(position int64) bool { return v.Acked > position }
