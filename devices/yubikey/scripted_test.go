package yubikey

import (
	"context"
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// scripted is a HID that answers by functions and keeps every feature report that was set.
type scripted struct {
	set   func(n int, report []byte) error
	get   func() ([reportSize]byte, error)
	input [][]byte
	sent  [][reportSize]byte
	gone  error
}

var _ devices.HID = (*scripted)(nil)

func (s *scripted) SetFeature(_ context.Context, report []byte) error {
	s.sent = append(s.sent, [reportSize]byte(report))
	if s.set == nil {
		return nil
	}
	return s.set(len(s.sent), report)
}

func (s *scripted) GetFeature(_ context.Context, report []byte) (int, error) {
	answer, err := s.get()
	return copy(report, answer[:]), err
}

func (s *scripted) ReadInput(ctx context.Context, report []byte) (int, error) {
	if len(s.input) == 0 {
		if s.gone != nil {
			return 0, s.gone
		}
		<-ctx.Done()
		return 0, devices.ErrTimeout
	}
	n := copy(report, s.input[0])
	s.input = s.input[1:]
	return n, nil
}

func (s *scripted) Close() error { return nil }

// parts are the reports that were set, less the resets.
func (s *scripted) parts() [][reportSize]byte {
	return slices.DeleteFunc(slices.Clone(s.sent), func(r [reportSize]byte) bool {
		return r == [reportSize]byte{partSize: resetNumber}
	})
}

func accessCode(t *testing.T, b ...byte) secret.AccessCode {
	t.Helper()
	return secret.NewAccessCode(b)
}

func rfcSeed() secret.Seed { return secret.NewSeed([]byte("12345678901234567890")) }
