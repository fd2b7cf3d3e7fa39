package yubikey

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// moment is one point of an exchange at which the key is pulled out.
type moment struct {
	fault virtual.Fault
	name  string
}

// momentsOf lists pulling out after every report up to the n-th, in every way the twin knows.
func momentsOf(n int) []moment {
	var all []moment
	for i := 1; i <= n; i++ {
		for _, unacknowledged := range []bool{false, true} {
			for _, atOnce := range []bool{false, true} {
				f := virtual.Fault{Unacknowledged: unacknowledged, WriteAtOnce: atOnce}
				how := fmt.Sprintf("unacknowledged=%v at-once=%v", unacknowledged, atOnce)
				sets, gets := f, f
				sets.UnplugAfterSets, gets.UnplugAfterGets = i, i
				all = append(all, moment{sets, fmt.Sprintf("after set %d, %s", i, how)},
					moment{gets, fmt.Sprintf("after get %d, %s", i, how)})
			}
		}
	}
	return all
}

// TestPulledOutAtEveryReport holds the law of errors against the real state of the slot: a write
// that says it is done is done, one that says nothing was written has written nothing, and one that
// does not know says so and nothing else. Not to know is only for the cuts at the last part and at
// the first answer after it: eight moments, in the four ways each of the two can happen.
func TestPulledOutAtEveryReport(t *testing.T) {
	fresh := hotpConfig(2)
	fresh.Seed, fresh.Digits = seedOf(9), 8
	for name, do := range map[string]act{
		"program": func(ctx context.Context, t *Token) error { return t.Program(ctx, fresh) },
		"erase":   eraseWith(2, secret.AccessCode{}),
		"update":  update(Settings{Slot: 2}),
	} {
		seen := map[string]int{}
		for _, m := range momentsOf(14) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwin(t, virtual.Options{Delivered: true})
				if err := w.Program(t.Context(), hotpConfig(2)); err != nil {
					t.Fatal(err)
				}
				before := w.key.Slots()
				w.key.Misbehave(m.fault)
				err := do(t.Context(), w.Token)
				after := w.key.Slots()
				said := is(err)
				seen[said]++
				switch said {
				case "done":
					if before == after {
						t.Errorf("%s, %s: done, and nothing changed", name, m.name)
					}
				case "untouched gone ":
					if before != after {
						t.Errorf("%s, %s: untouched, and yet %+v", name, m.name, after)
					}
				case "unknown gone ":
				default:
					t.Errorf("%s, %s: %q (%v)", name, m.name, said, err)
				}
			})
		}
		t.Logf("%s: %v", name, seen)
		cuts := seen["untouched gone "] + seen["unknown gone "]
		if cuts < 18 || seen["unknown gone "] != 8 || seen["done"] == 0 {
			t.Errorf("%s: the moments do not cover all outcomes: %v", name, seen)
		}
	}
}

// Which of both a slot holds after a cut is shown by what it types, once replugged.
func TestTokenWorksAfterACut(t *testing.T) {
	for _, m := range momentsOf(12) {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{})
			if err := w.Program(t.Context(), hotpConfig(1)); err != nil {
				t.Fatal(err)
			}
			fresh := hotpConfig(1)
			fresh.Seed = seedOf(77)
			w.key.Misbehave(m.fault)
			err := w.Program(t.Context(), fresh)
			w.key.Misbehave(virtual.Fault{})
			if !w.key.Plugged() {
				_ = w.Close()
				w.plug(t)
			}
			was, is := codes(t, rfcSeed(), 1, 6)[0], codes(t, fresh.Seed, 1, 6)[0]
			got := w.read(t, 1, 6)
			switch {
			case err == nil && got != is, errors.Is(err, provisioning.ErrUntouched) && got != was,
				got != was && got != is:
				t.Errorf("%s: %v, typed %s", m.name, err, got)
			}
			if err := w.Program(t.Context(), fresh); err != nil { // and it takes another try
				t.Errorf("%s: again: %v", m.name, err)
			}
		})
	}
}

func TestPulledOutWhileTyping(t *testing.T) {
	// Six digits and a return are fourteen reports; the code is complete at the thirteenth.
	for n := 1; n <= 14; n++ {
		for _, unacknowledged := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := newTwin(t, virtual.Options{})
				if err := w.Program(t.Context(), hotpConfig(1)); err != nil {
					t.Fatal(err)
				}
				w.key.Misbehave(virtual.Fault{UnplugAfterInputs: n, Unacknowledged: unacknowledged})
				ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
				defer cancel()
				time.AfterFunc(time.Second, func() { _, _ = w.key.Touch(1) })
				began := time.Now()
				otp, err := w.ReadOTP(ctx, 6)
				complete := n > 13 || n == 13 && !unacknowledged
				if complete != (err == nil) || !complete && is(err) != "gone " {
					t.Errorf("after %d reports: %q, %v", n, otp.Expose(), err)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("after %d reports: noticed after %v", n, took)
				}
			})
		}
	}
}
