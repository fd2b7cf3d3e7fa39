package yubikey

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// liar is a token that answers with the bytes of a script, the last of which it repeats for ever: as
// feature reports, as keyboard reports, cut short, or not at all.
type liar struct{ script []byte }

var _ devices.HID = (*liar)(nil)

func (l *liar) next() byte {
	b := l.script[0]
	if len(l.script) > 1 {
		l.script = l.script[1:]
	}
	return b
}

// SetFeature implements devices.HID.
func (l *liar) SetFeature(ctx context.Context, _ []byte) error { return l.fault(ctx) }

// fault is one answer in sixteen: silence, or a plug that was pulled.
func (l *liar) fault(ctx context.Context) error {
	switch l.next() {
	case 0xF0:
		<-ctx.Done()
		return devices.ErrTimeout
	case 0xF1:
		return devices.ErrUnplugged
	case 0xF2:
		return devices.ErrBusy
	}
	return nil
}

// GetFeature implements devices.HID.
func (l *liar) GetFeature(ctx context.Context, report []byte) (int, error) {
	if err := l.fault(ctx); err != nil {
		return 0, err
	}
	for i := range report {
		report[i] = l.next()
	}
	if report[0] == 0xEE {
		return int(report[1]) % len(report), nil
	}
	return len(report), nil
}

// ReadInput implements devices.HID. It is never silent on its own: a keyboard that types for ever.
func (l *liar) ReadInput(ctx context.Context, report []byte) (int, error) {
	select {
	case <-ctx.Done():
		return 0, devices.ErrTimeout
	case <-time.After(time.Millisecond):
	}
	return l.GetFeature(ctx, report)
}

// Close implements devices.HID.
func (l *liar) Close() error { return nil }

// FuzzLyingToken: whatever a token answers, every act ends by its deadline, a serial is digits, and an
// OTP has as many digits as were asked for.
func FuzzLyingToken(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{0x80})             // busy for ever
	f.Add([]byte{0x40})             // a response that never ends
	f.Add([]byte{0x20})             // waits for a touch for ever
	f.Add([]byte{0xEE, 3, 0})       // reports that are cut
	f.Add([]byte{0, 0, 0xF0})       // silent after a moment
	f.Add([]byte{0, 0, 0, 0, 0xF1}) // pulled out
	f.Add([]byte("\x00\x00\x00\x1e\x1f\x20\x21\x22\x23\x28\x00"))
	f.Add([]byte{0, 0, 5, 4, 3, 1, 5, 0, 0xC0, 0, 1, 2, 3, 4, 5, 6, 7, 0xC1})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 256 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			token := New(&liar{script: script}, devices.Info{Vendor: vendorID, Product: 0x0407})
			defer token.Close()
			within := func(what string, act func(context.Context)) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				if act(ctx); time.Since(began) > 3*time.Second+2*abortTime {
					t.Errorf("%s took %v", what, time.Since(began))
				}
			}
			within("identify", func(ctx context.Context) {
				info, err := token.Identify(ctx)
				if err == nil && strings.Trim(info.Serial, "0123456789") != "" {
					t.Errorf("serial %q", info.Serial)
				}
			})
			within("read OTP", func(ctx context.Context) {
				otp, err := token.ReadOTP(ctx, 8)
				digits := string(otp.Expose())
				if err == nil && (len(digits) != 8 || strings.Trim(digits, "0123456789") != "") {
					t.Errorf("an OTP of %d characters", len(digits))
				}
			})
			within("erase", func(ctx context.Context) { _ = token.Erase(ctx, 2, secret.AccessCode{}) })
		})
	})
}
