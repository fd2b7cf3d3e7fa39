package kiosk

import (
	"context"

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
}

// People finds persons in the directory.
type People interface {
	// Find looks a card or person number up. It refuses with person_unknown, card_expired,
	// card_replaced or directory_down.
	Find(ctx context.Context, number string) (provisioning.Person, error)
	// Portrait returns a picture and its media type.
	Portrait(ctx context.Context, name string) (data []byte, mediaType string, err error)
}

// MailRequests answers requests by mail (S53).
type MailRequests interface {
	// Answer compares, issues a short passcode and sends it to the registered contact. It refuses with
	// request_no_match (param left), request_misses, request_not_delivered, directory_down, or what
	// the rules say. No digit comes back.
	Answer(ctx context.Context, form provisioning.MailForm) (provisioning.Passcode, error)
}

// Reader gives the taps of the card reader.
type Reader interface {
	Taps() <-chan devices.Tap
}

// Health says how the things the desk depends on are doing.
type Health interface {
	Health(ctx context.Context) provisioning.Health
}
