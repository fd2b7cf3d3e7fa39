//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

const officerPIN = "271828"

// TestGuestOfficerUnlocks: a token on the guest's bus is enrolled and unlocks the desk through our
// driver, and so it does when Yubico's own ykchalresp carries the desk's challenge to it.
func TestGuestOfficerUnlocks(t *testing.T) {
	k := plugIn(t, virtual.Options{Serial: 7654321})
	ledger := provisioningtest.NewLedger(officerRows()...)
	clock := func() (time.Time, bool) { return time.Now(), true }
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	bench := yubikey.NewBench(k.bus, yubikey.Options{})
	ended := make(chan error)
	go func() { ended <- bench.Run(ctx) }()
	ours := officer.New(ledger, "desk", clock, officer.Tokens{Bench: bench})
	finger := func(what provisioning.KeyWait) {
		if what == provisioning.WaitTouch {
			_, _ = k.Touch(1)
		}
	}
	if err := ours.Enrol(ctx, "lee", false, finger); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Unlock(ctx, "lee", secret.NewPIN(officerPIN), finger); err != nil {
		t.Errorf("our driver: %v", err)
	}
	cancel()
	<-ended
	theirs := officer.New(ledger, "desk", clock, officer.Tokens{Bench: toolBench{k}})
	_, err := theirs.Unlock(t.Context(), "lee", secret.NewPIN(officerPIN),
		func(provisioning.KeyWait) {})
	if err != nil {
		t.Errorf("ykchalresp: %v", err)
	}
}

// officerRows are Lee, whose PIN is hashed at the lowest cost that is read, with a token on loan.
func officerRows() []provisioning.Row {
	salt := []byte("salt of the rig.")
	text := base64.RawStdEncoding.EncodeToString
	hash := fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, text(salt),
		text(argon2.IDKey([]byte(officerPIN), salt, 1, 8, 1, 32)))
	return []provisioning.Row{
		provisioning.Officer{ID: "lee", Name: "Lee", Person: "s9", PINHash: hash},
		provisioning.Token{ID: "yubikey/7654321", Serial: "7654321", Slot: 2,
			State: provisioning.TokenLoaned},
		provisioning.Loan{ID: "l1", Person: "s9", Token: "yubikey/7654321",
			State: provisioning.LoanOpen},
	}
}

// toolBench is a bench whose one token is asked by ykchalresp.
type toolBench struct{ key *rigKey }

// Plugs implements provisioning.Bench.
func (b toolBench) Plugs() []provisioning.Plug {
	return []provisioning.Plug{{ID: "1", Usable: true,
		Info: &provisioning.TokenInfo{Vendor: "yubikey", Serial: "7654321"}}}
}

// Changed implements provisioning.Bench: nothing does.
func (toolBench) Changed() <-chan struct{} { return nil }

// Open implements provisioning.Bench.
func (b toolBench) Open(context.Context, string) (provisioning.Device, error) {
	return toolToken{key: b.key}, nil
}

// toolToken can be challenged and nothing else.
type toolToken struct {
	provisioning.Device
	provisioning.Challenger
	key *rigKey
}

// Close implements provisioning.Device.
func (toolToken) Close() error { return nil }

// Challenge implements provisioning.Challenger. ykchalresp fills up with zeros, so a challenge goes
// to it filled up already.
func (t toolToken) Challenge(
	_ context.Context, slot int, challenge []byte, waiting func(),
) (secret.Response, error) {
	waiting()
	fill := byte(0)
	if challenge[len(challenge)-1] == 0 {
		fill = 1
	}
	padded := append(bytes.Clone(challenge), bytes.Repeat([]byte{fill}, 64-len(challenge))...)
	answer, err := hex.DecodeString(t.key.ykchalresp(slot, padded))
	return secret.NewResponse(answer), err
}
