package notice

import (
	"context"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Message is one text on its way to one contact.
type Message struct {
	// ID is the same each time the message is sent, so that the other side can tell a second copy.
	ID string
	// To is a mail address, or a phone number in E.164 form.
	To string
	// Subject is empty in a text message.
	Subject, Text string
	// At is the time of what it tells.
	At time.Time
}

// Sender puts a message on the wire.
type Sender interface {
	// Send returns nil once the other side has taken the message, and a *Failure otherwise: it knows
	// whether the message may have been delivered. It ends soon after ctx does.
	Send(ctx context.Context, m Message) error
}

// Failure is why a message was not delivered, or may not have been.
type Failure struct {
	End provisioning.Delivery
	// Reason is short, for the list of dead letters. Neither address nor text is in it.
	Reason string
	// Ours says that the fault is not this message's: the others would fare no better now.
	Ours bool
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("send: %s: %s", f.End, f.Reason) }

// ours is a failure before this message was said anything about.
func ours(reason string) *Failure {
	return &Failure{End: provisioning.NotDelivered, Reason: reason, Ours: true}
}

// refused is a failure that lasts.
func refused(reason string) *Failure {
	return &Failure{End: provisioning.DeliveryRefused, Reason: reason}
}
