package yubikey

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func challengeConfig(slot int, key []byte) provisioning.ChallengeConfig {
	return provisioning.ChallengeConfig{Slot: slot, Key: secret.NewKey(key)}
}

// respond asks and touches a moment after the key waits.
func (w *twin) respond(t testing.TB, slot int, challenge []byte) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	waited := 0
	answer, err := w.Challenge(ctx, slot, challenge, func() {
		waited++
		time.AfterFunc(time.Second, func() { _, _ = w.key.Touch(1) })
	})
	if err == nil && waited != 1 {
		t.Errorf("it told %d times that it waits for a touch", waited)
	}
	return hex.EncodeToString(answer.Expose()), err
}

// TestChallengesOfRFC2202 checks both slots with the RFC's section 3, and that neither slot disturbs
// what the other holds.
func TestChallengesOfRFC2202(t *testing.T) {
	for _, c := range []struct {
		key, challenge []byte
		answer         string
	}{
		{bytes.Repeat([]byte{0x0b}, 20), []byte("Hi There"),
			"b617318655057264e28bc0b6fb378c8ef146be00"},
		{append([]byte("Jefe"), make([]byte, 16)...), []byte("what do ya want for nothing?"),
			"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{bytes.Repeat([]byte{0xaa}, 20), bytes.Repeat([]byte{0xdd}, 50),
			"125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
		// A challenge that ends in zeros is padded with something else: HMAC-SHA1 by openssl(1).
		{bytes.Repeat([]byte{0x0b}, 20), []byte{1, 0, 0},
			"abf7a6e7b06d05321a16c08647db614e3d8ed764"},
	} {
		for name, o := range keysToTry {
			synctest.Test(t, func(t *testing.T) {
				w := newTwin(t, o)
				if err := w.Program(t.Context(), hotpConfig(1)); err != nil {
					t.Fatal(err)
				}
				if err := w.ProgramChallenge(t.Context(), challengeConfig(2, c.key)); err != nil {
					t.Fatal(err)
				}
				if got, err := w.respond(t, 2, c.challenge); got != c.answer || err != nil {
					t.Errorf("%s: %s, %v", name, got, err)
				}
				s := w.key.Slots()[1]
				if !s.Challenge || !s.NeedsTouch || !s.SerialVisible {
					t.Errorf("%s: the slot is %+v", name, s)
				}
				if got := w.read(t, 1, 6); got != codes(t, rfcSeed(), 1, 6)[0] {
					t.Errorf("%s: slot 1 types %s", name, got)
				}
			})
		}
	}
}

func TestChallengesThatComeToNothing(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 20)
	within := func(d time.Duration) func(*twin) (context.Context, context.CancelFunc) {
		return func(*twin) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), d)
		}
	}
	for _, c := range []struct {
		name string
		slot int
		ctx  func(*twin) (context.Context, context.CancelFunc)
		want error
	}{
		{"nobody touches, the key gives up", 2, within(time.Minute), provisioning.ErrNoTouch},
		{"nobody touches, we give up", 2, within(4 * time.Second), provisioning.ErrNoTouch},
		{"another slot", 1, within(time.Minute), provisioning.ErrNoChallenge},
		{"called off", 2, func(*twin) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
		{"pulled out while it waits", 2, func(w *twin) (context.Context, context.CancelFunc) {
			time.AfterFunc(time.Second, func() { w.bus.Unplug(w.key) })
			return context.WithTimeout(context.Background(), time.Minute)
		}, provisioning.ErrGone},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{})
			if err := w.Program(t.Context(), hotpConfig(1)); err != nil {
				t.Fatal(err)
			}
			if err := w.ProgramChallenge(t.Context(), challengeConfig(2, key)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := c.ctx(w)
			defer cancel()
			if _, err := w.Challenge(ctx, c.slot, []byte("who"), nil); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			if w.key.Waiting() {
				t.Errorf("%s: the key still waits", c.name)
			}
			if !w.key.Plugged() {
				return
			}
			if _, err := w.respond(t, 2, []byte("who")); err != nil {
				t.Errorf("%s: the next challenge: %v", c.name, err)
			}
		})
	}
}

// TestChallengeCutAtEveryReport: whatever report the key is pulled out at, the answer is the right
// one or the key is gone, and a slot that was being written says what is true of it.
func TestChallengeCutAtEveryReport(t *testing.T) {
	key := bytes.Repeat([]byte{0x0b}, 20)
	seen := map[string]int{}
	for _, m := range momentsOf(14) {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{})
			if err := w.ProgramChallenge(t.Context(), challengeConfig(1, key)); err != nil {
				t.Fatal(err)
			}
			w.key.Misbehave(m.fault)
			got, err := w.respond(t, 1, []byte("Hi There"))
			switch {
			case err == nil && got == "b617318655057264e28bc0b6fb378c8ef146be00":
				seen["answered"]++
			case errors.Is(err, provisioning.ErrGone) && !w.key.Plugged():
				seen["gone"]++
			default:
				t.Errorf("%s: %q, %v", m.name, got, err)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{Delivered: true})
			before := w.key.Slots()
			w.key.Misbehave(m.fault)
			err := w.ProgramChallenge(t.Context(), challengeConfig(1, key))
			changed := before != w.key.Slots()
			if err == nil && !changed || errors.Is(err, provisioning.ErrUntouched) && changed {
				t.Errorf("program, %s: %v, and the slot changed: %v", m.name, err, changed)
			}
		})
	}
	if seen["answered"] == 0 || seen["gone"] < 20 {
		t.Errorf("the moments do not cover both outcomes: %v", seen)
	}
}

// TestChallengeRefusesWhatItCannotSend, before the key is asked anything.
func TestChallengeRefusesWhatItCannotSend(t *testing.T) {
	w := newTwin(t, virtual.Options{})
	for _, n := range []int{0, 64} {
		if _, err := w.Challenge(t.Context(), 1, make([]byte, n), nil); err == nil {
			t.Errorf("a challenge of %d bytes was sent", n)
		}
	}
	if _, err := w.Challenge(t.Context(), 3, []byte("x"), nil); err == nil {
		t.Error("slot 3 was asked")
	}
	err := w.ProgramChallenge(t.Context(), challengeConfig(1, []byte("short")))
	if !errors.Is(err, provisioning.ErrUntouched) {
		t.Errorf("a short key: %v", err)
	}
}
