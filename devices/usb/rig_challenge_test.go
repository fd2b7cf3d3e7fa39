//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// TestGuestChallenge: slots that our driver programs for challenges answer ykchalresp, over the same
// kernel device, what they answer our driver, and both what RFC 2202 section 3 says, each for a
// touch.
func TestGuestChallenge(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	cases := []struct{ key, challenge, want string }{
		{"Jefe" + strings.Repeat("\x00", 16), "what do ya want for nothing?",
			"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{strings.Repeat("\xaa", 20), strings.Repeat("\xdd", 50),
			"125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	token := k.open()
	for i, c := range cases {
		err := token.ProgramChallenge(ctx,
			provisioning.ChallengeConfig{Slot: i + 1, Key: secret.NewKey([]byte(c.key))})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := token.Challenge(ctx, i+1, []byte(c.challenge),
			func() { _, _ = k.Touch(2) })
		if got := hex.EncodeToString(answer.Expose()); err != nil || got != c.want {
			t.Errorf("%q: our driver hears %s, %v; the RFC says %s", c.challenge, got, err, c.want)
		}
	}
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if got := k.ykchalresp(i+1, []byte(c.challenge)); got != c.want {
			t.Errorf("%q: ykchalresp hears %s; the RFC says %s", c.challenge, got, c.want)
		}
	}
}

// ykchalresp asks a slot with Yubico's own program, and touches when the key waits for it.
func (k *rigKey) ykchalresp(slot int, challenge []byte) string {
	k.t.Helper()
	cmd := exec.Command("ykchalresp", fmt.Sprintf("-%d", slot), "-x", hex.EncodeToString(challenge))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.eventually("the key waits for a touch", k.Waiting)
	if _, err := k.Touch(2); err != nil {
		k.t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		k.t.Errorf("ykchalresp: %v\n%s", err, out.Bytes())
	}
	return strings.TrimSpace(out.String())
}
