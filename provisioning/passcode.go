package provisioning

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// PasscodeID is 16 random bytes in hex. It is the feed's Record.Credential, too.
type PasscodeID string

// PasscodeType says which of a site's terms a passcode has.
type PasscodeType string

// The types of passcode.
const (
	// PasscodeShort: the device was forgotten (S54).
	PasscodeShort PasscodeType = "short"
	// PasscodeLong: the device was lost, or the app removed from it (S55).
	PasscodeLong PasscodeType = "long"
	// PasscodeRecovery: the person gets it without an officer (S58-S65).
	PasscodeRecovery PasscodeType = "recovery"
)

// Channel is how a passcode reaches the person.
type Channel string

// The channels.
const (
	ChannelCounter Channel = "counter"
	ChannelMail    Channel = "mail"
	ChannelSelf    Channel = "self"
)

// PasscodeState is where a passcode is.
type PasscodeState string

// The states of a passcode:
//
//	issued -> live -> ended
//
// One that is issued waits for the verifier's verdict, and nobody has seen it.
const (
	PasscodeIssued PasscodeState = "issued"
	PasscodeLive   PasscodeState = "live"
	PasscodeEnded  PasscodeState = "ended"
)

// PasscodeEnd says why a passcode ended.
type PasscodeEnd string

// The ends of a passcode.
const (
	PasscodeUsed    PasscodeEnd = "used"
	PasscodeExpired PasscodeEnd = "expired"
	PasscodeRevoked PasscodeEnd = "revoked"
	// PasscodeReplaced: another of the same type was issued.
	PasscodeReplaced PasscodeEnd = "replaced"
	// PasscodeVoidEnrolled: a new device of the person was enrolled.
	PasscodeVoidEnrolled PasscodeEnd = "void_enrolled"
	// PasscodeRebuilt: the verifier was lost and rebuilt, and does not know how often it was used.
	PasscodeRebuilt PasscodeEnd = "rebuilt"
	// PasscodeRefused: the verifier did not take it.
	PasscodeRefused PasscodeEnd = "refused"
	// PasscodeUnanswered: the verifier said nothing in time.
	PasscodeUnanswered PasscodeEnd = "unanswered"
	// PasscodeNotRevealed: the visit ended, or too much time passed, before the person saw it.
	PasscodeNotRevealed PasscodeEnd = "not_revealed"
	// PasscodeInterrupted: the desk stopped before the person saw it.
	PasscodeInterrupted PasscodeEnd = "interrupted"
)

// Passcode is a code, or a list of single-use codes, that was issued to a person. No digit of one
// is here.
type Passcode struct {
	ID     PasscodeID
	Person PersonID
	// Officer issued it, and is empty when nobody did; Second approved it where the site asks for a
	// second officer.
	Officer, Second OfficerID
	Visit           VisitID
	Type            PasscodeType
	// Situation decided the type; Justification is what the officer wrote beside it (S57).
	Situation, Justification string
	Channel                  Channel
	// Evidence the officer saw; empty means that the person was not seen.
	Evidence  Evidence
	State     PasscodeState
	EndReason PasscodeEnd
	// Record is the id of the record whose verdict is awaited, or was given.
	Record string
	// Position carries the newest order about it: see Verifier.Holds.
	Position int64
	At       time.Time
	// Until is when it ends by the desk's clock; the verifier judges by its own.
	Until time.Time
	// Uses of each code, 0 for unlimited; Count is how many codes there are.
	Uses, Count int
	// Enrol: it is good for enrolling a device and nothing else.
	Enrol bool
	// Revealed is when the person first saw it; Keep is until when the desk still could show it.
	Revealed, Keep time.Time
	Ended          time.Time
}

// Kind implements Row.
func (Passcode) Kind() Kind { return KindPasscode }

// Key implements Row.
func (p Passcode) Key() string { return string(p.ID) }

// Subject implements Row.
func (p Passcode) Subject() PersonID { return p.Person }

// Tags implements Row.
func (p Passcode) Tags() []Tag {
	return []Tag{{ByPerson, string(p.Person)}, {ByState, string(p.State)},
		{ByOfficer, string(p.Officer)}}
}

// Live implements Row.
func (p Passcode) Live() bool { return p.State != PasscodeEnded }

// PreparedPasscode is a passcode that waits to be issued: its id, its codes sealed for the
// verifier, and for whom and as what they were sealed. Trouble is why there is none.
type PreparedPasscode struct {
	ID      PasscodeID
	Record  feed.Record
	Person  PersonID
	Type    PasscodeType
	Trouble *Refusal
}

// matches: it was sealed for this person and as this type.
func (p PreparedPasscode) matches(person PersonID, of PasscodeType) bool {
	return p.Person == person && p.Type == of && p.ID != "" && p.Record.Credential == string(p.ID)
}

// LivePasscodes lists what a person may still use, in the order of their ids. There is at most one
// of each type.
func LivePasscodes(s Snapshot, id PersonID) []Passcode {
	var list []Passcode
	for p := range Find[Passcode](s, ByPerson, string(id)) {
		list = append(list, p)
	}
	return list
}
