package yubikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

var _ provisioning.Challenger = (*Token)(nil)

// responseSize is the length of HMAC-SHA1.
const responseSize = 20

// touchWait is how often a token that waits for a touch is asked: vendor code waits 100 ms then
// (yubikit/core/otp.py), and a person notices.
const touchWait = 50 * time.Millisecond

// ProgramChallenge writes a challenge-response credential that answers for a touch only, and
// confirms it by the token's own sequence. Of access codes it takes the care that Program takes.
func (t *Token) ProgramChallenge(ctx context.Context, c provisioning.ChallengeConfig) error {
	if err := checkChallenge(c); err != nil {
		return fmt.Errorf("program slot %d: %w: %w", c.Slot, provisioning.ErrUntouched, err)
	}
	if c.Current.IsZero() {
		c.Current = c.New
	}
	w := write{slot: c.Slot, cmd: [2]command{cmdConfig1, cmdConfig2}, needs: firmwareHOTP,
		recodes: !c.Current.Equal(c.New),
		payload: func(fw firmware) *payload { return challengePayload(c, fw) }}
	if err := t.write(ctx, w); err != nil {
		return fmt.Errorf("program slot %d: %w", c.Slot, err)
	}
	return nil
}

func checkChallenge(c provisioning.ChallengeConfig) error {
	if c.Key.Len() != seedSize {
		return fmt.Errorf("a key for challenges has %d bytes, not %d", seedSize, c.Key.Len())
	}
	return errors.Join(checkSlot(c.Slot), checkCode(c.Current), checkCode(c.New))
}

// challengePayload lays an HMAC-SHA1 credential out. The key is split as a seed is.
func challengePayload(c provisioning.ChallengeConfig, fw firmware) *payload {
	var p payload
	key := c.Key.Expose()
	copy(p[atKey:atKey+keySize], key)
	copy(p[atUID:], key[keySize:])
	clear(key)
	p[atTicket] = ticketChallenge
	p[atConfig] = configHMAC | configShort | configTouch
	p.finish(fw, c.Current, c.New)
	return &p
}

// Challenge sends a challenge of 1 to 63 bytes and returns the slot's answer. The frame has 64, and
// the token takes the bytes at its end that are all alike for padding, so it is padded with a byte
// that is not the challenge's last (yubikit/yubiotp.py, calculate_hmac_sha1).
func (t *Token) Challenge(
	ctx context.Context, slot int, challenge []byte, waiting func(),
) (secret.Response, error) {
	if err := checkSlot(slot); err != nil {
		return secret.Response{}, fmt.Errorf("challenge: %w", err)
	}
	if len(challenge) == 0 || len(challenge) > provisioning.MaxChallenge {
		return secret.Response{}, fmt.Errorf("challenge: 1 to %d bytes, not %d",
			provisioning.MaxChallenge, len(challenge))
	}
	padded := padChallenge(challenge)
	awaited := &touch{tell: waiting}
	data, err := t.wire.challenge(ctx, [...]command{cmdHMAC1, cmdHMAC2}[slot-1], padded[:], awaited)
	defer clear(data)
	var answer []byte
	if err == nil {
		answer, err = checked(data, responseSize)
	}
	if err != nil {
		return secret.Response{}, fmt.Errorf("challenge slot %d: %w", slot, answered(ctx, err, awaited))
	}
	return secret.NewResponse(answer), nil
}

// padChallenge fills the payload up with a byte that does not continue the challenge.
func padChallenge(challenge []byte) (padded [payloadSize]byte) {
	n := copy(padded[:], challenge)
	if challenge[n-1] == 0 {
		for i := n; i < payloadSize; i++ {
			padded[i] = 1
		}
	}
	return padded
}

// touch is what becomes of waiting for one.
type touch struct {
	tell  func()
	began bool
}

// begin says, once, that the token waits.
func (t *touch) begin() {
	if !t.began && t.tell != nil {
		t.tell()
	}
	t.began = true
}

// challenge asks a question whose answer may need a touch. Until the token says that it waits for
// one it has the time of any question; from then on it has ctx's, or its own.
func (w *wire) challenge(
	ctx context.Context, cmd command, payload []byte, awaited *touch,
) ([]byte, error) {
	if _, err := w.begin(ctx); err != nil {
		return nil, err
	}
	f := newFrame(cmd, payload)
	if _, err := w.send(ctx, f); err != nil {
		w.abort(ctx)
		return nil, err
	}
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(answerTime, cancel)
	defer patience.Stop()
	tell := awaited.tell
	awaited.tell = func() {
		patience.Stop()
		if tell != nil {
			tell()
		}
	}
	data, err := w.receive(bounded, awaited)
	w.abort(ctx)
	return data, err
}

// answered names what went wrong with a challenge in the words of the desk.
func answered(ctx context.Context, err error, awaited *touch) error {
	switch {
	case final(err):
		return mapped(err)
	case awaited.began && errors.Is(err, errNoData),
		errors.Is(ctx.Err(), context.DeadlineExceeded):
		return provisioning.ErrNoTouch
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errNoData):
		return provisioning.ErrNoChallenge
	}
	return mapped(err)
}
