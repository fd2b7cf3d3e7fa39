//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// TestGuestChallenge: a slot that our driver programs for challenges answers ykchalresp, over the
// same kernel device, what it answers our driver, and both what RFC 2202 says, each for a touch.
func TestGuestChallenge(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	for _, c := range []struct{ key, challenge []byte }{
		{bytes.Repeat([]byte{0x0b}, 20), []byte("Hi There")},
		{append([]byte("Jefe"), make([]byte, 16)...), []byte("what do ya want for nothing?")},
		{bytes.Repeat([]byte{0xaa}, 20), bytes.Repeat([]byte{0xdd}, 50)},
	} {
		token := k.open()
		err := token.ProgramChallenge(t.Context(),
			provisioning.ChallengeConfig{Slot: 2, Key: secret.NewKey(c.key)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		answer, err := token.Challenge(ctx, 2, c.challenge, func() { _, _ = k.Touch(2) })
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if err := token.Close(); err != nil {
			t.Fatal(err)
		}
		ours, theirs := hex.EncodeToString(answer.Expose()), k.ykchalresp(c.challenge)
		if want := answers[string(c.challenge)]; ours != want || theirs != want {
			t.Errorf("%q: our driver hears %s, ykchalresp %s, RFC 2202 says %s",
				c.challenge, ours, theirs, want)
		}
	}
}

// answers are those of RFC 2202 section 3, cases 1 to 3.
var answers = map[string]string{
	"Hi There":                     "b617318655057264e28bc0b6fb378c8ef146be00",
	"what do ya want for nothing?": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
	strings.Repeat("\xdd", 50):     "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
}

// ykchalresp asks slot 2 with Yubico's own program, and touches when the key waits for it.
func (k *rigKey) ykchalresp(challenge []byte) string {
	k.t.Helper()
	cmd := exec.Command("ykchalresp", "-2", "-x", hex.EncodeToString(challenge))
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
