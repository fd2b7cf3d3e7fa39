package provisioning

import (
	"cmp"
	"slices"
	"time"
)

// NoticeID is 16 bytes in hex.
type NoticeID string

// NoticeKind says what a person is told.
type NoticeKind string

// The kinds of notices. Each has a text in every language.
const (
	NoticeTokenLent        NoticeKind = "token_lent"
	NoticeTokenSuspended   NoticeKind = "token_suspended"
	NoticeTokenReinstated  NoticeKind = "token_reinstated"
	NoticeTokenLost        NoticeKind = "token_lost"
	NoticeTokenReturned    NoticeKind = "token_returned"
	NoticeTokenVoid        NoticeKind = "token_void"
	NoticeTokenRevoked     NoticeKind = "token_revoked"
	NoticePasscodeIssued   NoticeKind = "passcode_issued"
	NoticePasscodeShown    NoticeKind = "passcode_shown"
	NoticePasscodeRevoked  NoticeKind = "passcode_revoked"
	NoticePasscodeReplaced NoticeKind = "passcode_replaced"
	NoticeRecoveryFailed   NoticeKind = "recovery_failed"
	NoticeRecoveryDone     NoticeKind = "recovery_done"
)

// NoticeKinds lists them.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{NoticeTokenLent, NoticeTokenSuspended, NoticeTokenReinstated,
		NoticeTokenLost, NoticeTokenReturned, NoticeTokenVoid, NoticeTokenRevoked,
		NoticePasscodeIssued, NoticePasscodeShown, NoticePasscodeRevoked, NoticePasscodeReplaced,
		NoticeRecoveryFailed, NoticeRecoveryDone}
}

// NoticeState is where a notice is.
type NoticeState string

// The states of a notice:
//
//	queued -> sending -> sent, or back to queued, or dead -> queued again or dropped
const (
	NoticeQueued NoticeState = "queued"
	// NoticeSending is durable before the network is touched. Found at a start, nobody knows whether
	// it arrived.
	NoticeSending NoticeState = "sending"
	NoticeSent    NoticeState = "sent"
	// NoticeDead is one the desk gave up: it is listed until an officer retries or drops it.
	NoticeDead    NoticeState = "dead"
	NoticeDropped NoticeState = "dropped"
)

// Why a notice is dead, besides what the other side answered.
const (
	// ReasonChannelOff: the desk no longer has the channel.
	ReasonChannelOff = "channel_off"
	// ReasonNoContact: the person has no usable contact on the channel.
	ReasonNoContact = "no_contact"
	// ReasonUnknown: two tries may have arrived and nobody said so; a third would be one too many.
	ReasonUnknown = "unknown"
)

// Notice is one message to one person on one channel. Where it goes is the person's registered
// contact at the time of sending; what it says comes from its kind and parameters.
type Notice struct {
	ID      NoticeID
	Person  PersonID
	About   NoticeKind
	Channel NoticeChannel
	Lang    string
	// Params fill in the text: never a secret.
	Params map[string]string
	State  NoticeState
	// Tries counts how often it was sent; Unsure, how many of those may have arrived although nobody
	// said so. One that follows says that it may be the second.
	Tries, Unsure int
	// Next is when it is tried; At, when what it tells of happened.
	Next, At time.Time
	// Position is the leaf of the change that queued it.
	Position int64
	// Reason says in a word or a number why the last try failed: no address, no text.
	Reason string
}

// KindNotice is the table of notices.
const KindNotice Kind = "notice"

// Kind implements Row.
func (Notice) Kind() Kind { return KindNotice }

// Key implements Row.
func (n Notice) Key() string { return string(n.ID) }

// Subject implements Row.
func (n Notice) Subject() PersonID { return n.Person }

// Tags implements Row.
func (n Notice) Tags() []Tag {
	return []Tag{{ByState, string(n.State)}, {ByPerson, string(n.Person)}}
}

// Live implements Row: what was sent or dropped leaves memory.
func (n Notice) Live() bool { return n.State != NoticeSent && n.State != NoticeDropped }

// DeadNotices lists what the desk gave up, oldest first, for the shift page.
func DeadNotices(s Snapshot) []Notice {
	list := slices.Collect(Find[Notice](s, ByState, string(NoticeDead)))
	slices.SortStableFunc(list, func(a, b Notice) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// WaitingNotices counts what is still to be sent.
func WaitingNotices(s Snapshot) int {
	n := 0
	for range Find[Notice](s, ByState, string(NoticeQueued)) {
		n++
	}
	for range Find[Notice](s, ByState, string(NoticeSending)) {
		n++
	}
	return n
}
