package kiosk

import (
	"context"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Visits is what happens at the counter.
type Visits interface {
	// Do carries an order out. Posting the same op again repeats nothing and returns the same visit
	// and the same error. A *provisioning.Refusal says which rule said no; any other error is
	// internal.
	Do(ctx context.Context, order provisioning.Order) (provisioning.VisitID, error)
	// Snapshot is the newest committed state.
	Snapshot() provisioning.Snapshot
	// Plugs are the tokens on the bench now.
	Plugs() []provisioning.Plug
	// Changed is closed at the next change of anything the two methods above return.
	Changed() <-chan struct{}
}

// Officers checks who stands at the desk.
type Officers interface {
	// Check takes a PIN. It refuses with pin_wrong (param left), pin_locked (param until) or
	// pin_unknown; an unknown officer costs the same time as a known one.
	Check(ctx context.Context, id provisioning.OfficerID, pin secret.PIN) (provisioning.Officer, error)
	// Unlock takes a PIN and, of an officer who has one, the touch of their token. It tells what it
	// waits for, and refuses as Check does or with one of the key_ codes.
	Unlock(
		ctx context.Context, id provisioning.OfficerID, pin secret.PIN,
		tell func(provisioning.KeyWait),
	) (provisioning.Officer, error)
	// Touch takes the touch of a token alone, and returns whose it was.
	Touch(
		ctx context.Context, whose provisioning.Whose, tell func(provisioning.KeyWait),
	) (provisioning.OfficerID, error)
	// Enrol makes the token that was lent to the officer their key. overwrite says that what its slot
	// holds may be erased.
	Enrol(
		ctx context.Context, id provisioning.OfficerID, overwrite bool,
		tell func(provisioning.KeyWait),
	) error
	// LiftAs unlocks an officer whose tries were used up, in the name of a supervisor.
	LiftAs(ctx context.Context, by, id provisioning.OfficerID) error
}

// People finds persons in the directory.
type People interface {
	// Find looks a card or person number up. It refuses with person_unknown, card_expired,
	// card_replaced or directory_down.
	Find(ctx context.Context, number string) (provisioning.Person, error)
	// Portrait returns a picture and its media type.
	Portrait(ctx context.Context, name string) (data []byte, mediaType string, err error)
}

// Passcodes is what only the runner that issued them can do with passcodes.
type Passcodes interface {
	// Shown returns copies of the digits that the person of a visit looks at right now, to be wiped,
	// and until when. It refuses at any other time, and as long as the screen is not turned.
	Shown(provisioning.VisitID) (codes []secret.Passcode, until time.Time, err error)
	// Approve puts a second officer's word on record. Whoever calls it has just seen that officer's
	// own token.
	Approve(
		ctx context.Context, visit provisioning.VisitID, act provisioning.Act,
		by provisioning.OfficerID,
	) error
}

// MailRequests answers requests by mail (S53).
type MailRequests interface {
	// Answer compares, issues a short passcode and sends it to the registered contact. It refuses with
	// request_no_match (param left), request_misses, request_not_delivered, directory_down, or what
	// the rules say. No digit comes back.
	Answer(ctx context.Context, form provisioning.MailForm) (provisioning.Passcode, error)
}

// Reader gives the taps of the card readers.
type Reader interface {
	Taps() <-chan devices.Tap
	// Up says that a card laid on any of them would be noticed.
	Up() bool
	// Changed is closed at the next change of Up.
	Changed() <-chan struct{}
}

// Health says how the things the desk depends on are doing.
type Health interface {
	Health(ctx context.Context) provisioning.Health
}
