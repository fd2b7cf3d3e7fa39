//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestRigBench times our driver beside ykpersonalize and ykman on the same device, in the same
// kernel, in the same run. It asserts nothing: it prints a line for each figure.
func TestRigBench(t *testing.T) {
	if os.Getenv("RIG_BENCH") == "" {
		t.Skip("set RIG_BENCH=1 to measure")
	}
	usbtest.Need(t, guestTools)
	output, status := bootGuest(t, 5*time.Minute, "-test.run=^TestFigures$")
	lines := regexp.MustCompile(`(?m)^FIGURE (.*)$`).FindAllStringSubmatch(output, -1)
	for _, m := range lines {
		fmt.Println(m[1])
	}
	if status != 0 || len(lines) == 0 {
		t.Errorf("%d figures, exit status %d:\n%s", len(lines), status, output)
	}
}

// TestFigures measures, in the guest.
func TestFigures(t *testing.T) {
	guestOnly(t)
	for _, ruled := range []bool{false, true} {
		t.Run(fmt.Sprintf("ruled=%t", ruled), func(t *testing.T) {
			place := "kernel's keyboard driver bound"
			if ruled {
				startUdev(t, true)
				place = "as on a box, rule 72"
			}
			k := plugIn(t, virtual.Options{})
			for _, busy := range []time.Duration{0, 300 * time.Millisecond} {
				k.Misbehave(virtual.Fault{Busy: busy})
				m := &meter{k: k, ruled: ruled, where: fmt.Sprintf("%s, busy %v", place, busy)}
				m.ours()
				m.ykpersonalize()
			}
			k.Misbehave(virtual.Fault{})
			m := &meter{k: k, ruled: ruled, where: place}
			if ruled {
				m.visits()
			} else {
				m.ykman() // it needs a hidraw node, which the rule takes away
			}
		})
	}
}

// meter repeats and prints.
type meter struct {
	k     *rigKey
	ruled bool
	where string
}

// measure runs do several times; do returns what took how long.
func (m *meter) measure(times int, do func() map[string]time.Duration) {
	took := map[string][]time.Duration{}
	var names []string
	for range times {
		m.ready()
		for name, d := range do() {
			if took[name] == nil {
				names = append(names, name)
			}
			took[name] = append(took[name], d)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d := took[name]
		slices.Sort(d)
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		fmt.Printf("FIGURE %-44s %8.1f %8.1f %8.1f ms min/median/max of %d (%s)\n",
			name, ms(d[0]), ms(d[len(d)/2]), ms(d[len(d)-1]), len(d), m.where)
	}
}

// ready waits until the interface is with whom it belongs between two uses.
func (m *meter) ready() {
	m.k.t.Helper()
	want := "usbhid"
	if m.ruled {
		want = ""
	}
	m.k.eventually("the interface is at rest", func() bool {
		return driver(m.k.keyboard().Path) == want
	})
}

// ours times our driver: on a token that is open, and from closed to closed.
func (m *meter) ours() {
	t := m.k.t
	m.measure(9, func() map[string]time.Duration {
		began := time.Now()
		token := m.k.open()
		opened := time.Now()
		if err := token.Program(t.Context(), config(1, 6, nil, nil)); err != nil {
			t.Fatal(err)
		}
		written := time.Now()
		if err := token.Close(); err != nil {
			t.Fatal(err)
		}
		return map[string]time.Duration{
			"token desk: write and confirm":              written.Sub(opened),
			"token desk: open, write and confirm":        written.Sub(began),
			"token desk: open, write and confirm, close": time.Since(began),
		}
	})
}

// ykpersonalize times the program that an officer's script would run.
func (m *meter) ykpersonalize() {
	m.measure(9, func() map[string]time.Duration {
		began := time.Now()
		must(m.k.t, "ykpersonalize", "-1", "-y", "-ooath-hotp", "-oappend-cr",
			"-a"+hex.EncodeToString(seed))
		return map[string]time.Duration{"ykpersonalize": time.Since(began)}
	})
}

// ykman times the other one.
func (m *meter) ykman() {
	m.measure(3, func() map[string]time.Duration {
		began := time.Now()
		must(m.k.t, "ykman", "otp", "hotp", "--force", "1",
			base32.StdEncoding.EncodeToString(seed))
		return map[string]time.Duration{"ykman otp hotp": time.Since(began)}
	})
}

// visits times what happens between a token's node and the OTP read from it, less the human.
func (m *meter) visits() {
	k := m.k
	bench := yubikey.NewBench(k.bus, yubikey.Options{})
	ctx, cancel := context.WithCancel(k.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = bench.Run(ctx) })
	defer running.Wait()
	defer cancel()
	m.measure(5, func() map[string]time.Duration {
		k.pull()
		k.eventually("the bench is empty", func() bool { return len(bench.Plugs()) == 0 })
		exists := make(chan time.Time, 1)
		running.Go(func() {
			within(15*time.Second, func() bool { return len(k.list()) > 0 })
			exists <- time.Now()
		})
		k.plug()
		plug := m.identified(bench)
		identified := time.Now()
		token, err := bench.Open(ctx, plug.ID)
		if err != nil {
			k.t.Fatal(err)
		}
		if err := token.Program(ctx, config(1, 6, nil, nil)); err != nil {
			k.t.Fatal(err)
		}
		written, touched := time.Now(), make(chan time.Time, 1)
		// The driver first throws away what was typed before: nobody is quicker than that.
		time.AfterFunc(200*time.Millisecond, func() {
			touched <- time.Now()
			_, _ = k.Touch(1)
		})
		patience, stop := context.WithTimeout(ctx, 20*time.Second)
		defer stop()
		if _, err := token.ReadOTP(patience, 6); err != nil {
			k.t.Fatal(err)
		}
		read, node, human := time.Now(), <-exists, (<-touched).Sub(written)
		if err := token.Close(); err != nil {
			k.t.Fatal(err)
		}
		return map[string]time.Duration{
			"token desk: node exists to identified": identified.Sub(node),
			"token desk: node exists to OTP read":   read.Sub(node) - human,
		}
	})
}

// identified waits for the token to be identified on the bench.
func (m *meter) identified(bench *yubikey.Bench) (found provisioning.Plug) {
	m.k.t.Helper()
	m.k.eventually("the bench has identified the key", func() bool {
		for _, p := range bench.Plugs() {
			if p.Info != nil {
				found = p
				return true
			}
		}
		return false
	})
	return found
}
