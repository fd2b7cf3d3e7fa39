package yubikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

const (
	// staleReports bounds the draining: hidapi's queue holds no more than about thirty, and a token
	// that types on and on must not keep us here.
	staleReports = 64
	staleWait    = 2 * time.Millisecond
	// quiet is how long a token may be silent after the last digit before the line counts as ended
	// without a return, which a slot can be programmed to leave out.
	quiet = 500 * time.Millisecond
)

// ReadOTP drains what was typed before, then waits for a touch and returns what it types: the first
// line of exactly so many digits. A token that types slowly has until the deadline.
func (t *Token) ReadOTP(ctx context.Context, digits int) (secret.OTP, error) {
	if digits < 6 || digits > 8 {
		return secret.OTP{}, fmt.Errorf("read OTP: an OTP has 6 to 8 digits, not %d", digits)
	}
	l := newLine(digits)
	defer l.restart()
	if err := t.drain(ctx, l); err != nil {
		return secret.OTP{}, fmt.Errorf("read OTP: %w", mapped(err))
	}
	for {
		complete, err := t.listen(ctx, l, quiet)
		silent := errors.Is(err, devices.ErrTimeout)
		switch {
		case complete, silent && l.full():
			return secret.NewOTP(string(l.digits)), nil
		case err != nil && !silent:
			return secret.OTP{}, fmt.Errorf("read OTP: %w", mapped(err))
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return secret.OTP{}, fmt.Errorf("read OTP: %w", provisioning.ErrNoTouch)
		case ctx.Err() != nil:
			return secret.OTP{}, fmt.Errorf("read OTP: %w", ctx.Err())
		}
	}
}

// drain reads what waits in the queue: the release after the last return, and touches nobody asked
// for. Of all that, only the keys that are still down are remembered.
func (t *Token) drain(ctx context.Context, l *line) error {
	defer l.restart()
	for range staleReports {
		if _, err := t.listen(ctx, l, staleWait); errors.Is(err, devices.ErrTimeout) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// listen feeds the next report, if one comes within wait, to the line.
func (t *Token) listen(
	ctx context.Context, l *line, wait time.Duration,
) (complete bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var report [reportSize]byte
	defer clear(report[:])
	n, err := t.wire.hid.ReadInput(ctx, report[:])
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			err = devices.ErrTimeout
		}
		return false, err
	}
	return l.feed(report[:n]), nil
}
