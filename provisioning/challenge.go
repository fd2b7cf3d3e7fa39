package provisioning

import (
	"context"
	"errors"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// ErrNoChallenge: the slot is empty, or of a kind that answers no challenge.
var ErrNoChallenge = errors.New("the slot answers no challenge")

// MaxChallenge is the longest challenge a token takes, in bytes.
const MaxChallenge = 63

// ChallengeConfig is what to program a slot with that answers challenges.
type ChallengeConfig struct {
	Slot int
	// Key has 20 bytes.
	Key secret.Key
	// Current opens a guarded slot; New guards it from now on. Either may be zero.
	Current, New secret.AccessCode
}

// Challenger is an open token that answers challenges: HMAC-SHA1 of the challenge under a key that
// never leaves it, each answer for one touch. It has one owner, as a Device has.
type Challenger interface {
	// ProgramChallenge writes the key into a slot, where it answers for a touch only, and confirms
	// it. Errors are those of Device.Program.
	ProgramChallenge(ctx context.Context, c ChallengeConfig) error
	// Challenge returns the slot's answer. It calls waiting, unless that is nil, once the token waits
	// for its touch, and returns ErrNoTouch when the token or ctx has waited long enough,
	// ErrNoChallenge for a slot of another kind, and ErrGone.
	Challenge(
		ctx context.Context, slot int, challenge []byte, waiting func(),
	) (secret.Response, error)
}
