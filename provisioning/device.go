package provisioning

import (
	"context"
	"errors"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// SlotInfo is what a token says of one slot.
type SlotInfo struct {
	Number     int
	Configured bool
	NeedsTouch bool
}

// TokenInfo is what a token says of itself when asked.
type TokenInfo struct {
	// Vendor is lower case, for example "yubikey"; Model is for people.
	Vendor, Model, Serial, Firmware string
	Slots                           []SlotInfo
	// Digits the token can type.
	Digits []int
	// Others are other applications the token may hold, for the note at a return.
	Others []string
}

// ID is the token's id, or "" when it has no readable serial.
func (t TokenInfo) ID() TokenID {
	if t.Serial == "" {
		return ""
	}
	return TokenID(t.Vendor + "/" + t.Serial)
}

// Errors a Device maps its own failures onto. An error that wraps ErrUntouched promises that the
// slot is as it was; one that wraps ErrUnknownOutcome says that nobody can know.
var (
	// ErrUntouched: the token refused, or was gone before anything could have changed.
	ErrUntouched = errors.New("nothing was written")
	// ErrUnknownOutcome: the token went away, or fell silent, while it may have been writing.
	ErrUnknownOutcome = errors.New("it is not known whether the slot was written")
	// ErrProtected: the slot is guarded by an access code we did not present.
	ErrProtected = errors.New("the slot refused the access code")
	// ErrGone: the token was pulled out.
	ErrGone = errors.New("the token was pulled out")
	// ErrNoTouch: nobody touched the token by the deadline.
	ErrNoTouch = errors.New("the token was not touched in time")
	// ErrNotOTP: what is plugged in cannot make sign-in codes.
	ErrNotOTP = errors.New("this device has no OTP slots")
	// ErrHeld: another program holds the token.
	ErrHeld = errors.New("the token is held by another program")
)

// SlotConfig is what to program.
type SlotConfig struct {
	Slot   int
	Seed   secret.Seed
	Digits int
	// Enter types a return after the OTP.
	Enter bool
	// Current opens a guarded slot; New guards it from now on. Either may be zero.
	Current, New secret.AccessCode
}

// Device is one open token. It has one owner. Nothing in it remembers a seed after Program returns.
type Device interface {
	// Identify asks the token who it is. It may be called again at any time.
	Identify(ctx context.Context) (TokenInfo, error)
	// Program writes a HOTP credential (counter 0) and confirms it by the token's own sequence.
	Program(ctx context.Context, c SlotConfig) error
	// Erase empties a slot and confirms it.
	Erase(ctx context.Context, slot int, current secret.AccessCode) error
	// ReadOTP drains what was typed before, then waits for a touch and returns what it types.
	ReadOTP(ctx context.Context, digits int) (secret.OTP, error)
	// Close gives the token back. It may be called once.
	Close() error
}

// Plug is one token plugged in.
type Plug struct {
	// ID never repeats: another plugging is another id.
	ID string
	// Name is what the bus calls it, for the officer ("YubiKey OTP+FIDO+CCID").
	Name string
	// Usable is false for a device that can be seen and not be used; Why says so in a code.
	Usable bool
	Why    Code
	// Info is filled once the token was identified; Err is what stopped that.
	Info *TokenInfo
	Err  error
}

// Bench is the place where tokens are plugged in.
type Bench interface {
	// Plugs lists what is plugged in now, identified as far as that got.
	Plugs() []Plug
	// Changed is closed at the next change of Plugs.
	Changed() <-chan struct{}
	// Open takes the token over. The caller closes it.
	Open(ctx context.Context, plugID string) (Device, error)
}
