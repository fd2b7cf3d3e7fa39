// Package devicestest is the conformance suite of devices.Bus and devices.HID. Every bus passes the
// same suite: the software twin in-process and through a socket, and a kernel's own USB stack.
//
// It refuses to know what is behind the bus: it needs one YubiKey-like device and somebody who
// plugs, unplugs and touches it. It is imported by tests only.
package devicestest

import (
	"context"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// Hand is who handles the device: a program, or a person told what to do.
type Hand interface {
	// Plug puts the device in. It may return before the bus shows it.
	Plug(ctx context.Context) error
	// Unplug pulls it out. It may return before the bus has noticed.
	Unplug(ctx context.Context) error
	// Touch makes the device type one line. It returns at once; the typing comes after.
	Touch(ctx context.Context) error
}

// Rig is one device on one bus, plugged in when the suite gets it.
type Rig struct {
	Bus  devices.Bus
	Hand Hand
	// Match finds the device's OTP interface in a listing.
	Match func(devices.Info) bool
	// Serial is what the device answers when asked.
	Serial uint32
}

// patience is how long a real kernel may take to notice what a hand did.
const patience = 10 * time.Second

// Suite runs every check, each on a rig of its own. The device must have a slot 1 that a touch
// types, and a serial that may be asked for. makeRig cleans up by t.Cleanup.
func Suite(t *testing.T, makeRig func(t *testing.T) Rig) {
	for _, c := range []struct {
		name  string
		check func(*bench)
	}{
		{"list is stable", (*bench).listIsStable},
		{"list follows the plug", (*bench).listFollowsThePlug},
		{"open is exclusive", (*bench).openIsExclusive},
		{"reopen after close", (*bench).reopenAfterClose},
		{"open of what is gone", (*bench).openOfWhatIsGone},
		{"status has eight bytes", (*bench).statusHasEightBytes},
		{"reports go both ways", (*bench).reportsGoBothWays},
		{"read ends by its deadline", (*bench).readEndsByItsDeadline},
		{"read ends when cancelled", (*bench).readEndsWhenCancelled},
		{"read gives every keystroke in order", (*bench).readGivesEveryKeystroke},
		{"unplugged: set", func(b *bench) { b.unplugged(set) }},
		{"unplugged: get", func(b *bench) { b.unplugged(get) }},
		{"unplugged: read", func(b *bench) { b.unplugged(read) }},
		{"unplug wakes a read", (*bench).unplugWakesARead},
		{"a replug is another device", (*bench).replugIsAnotherDevice},
		{"closed", (*bench).closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{T: t, rig: makeRig(t)}
			b.present = b.waitListed(true)
			c.check(b)
		})
	}
}

// bench is one check at work.
type bench struct {
	*testing.T
	rig Rig
	// present is the device as it was listed when the check began.
	present devices.Info
}

// within is a context that ends after d.
func (b *bench) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), d)
	b.Cleanup(cancel)
	return ctx
}

// must stops the check on an error.
func (b *bench) must(err error, doing string) {
	b.Helper()
	if err != nil {
		b.Fatalf("%s: %v", doing, err)
	}
}

// find lists the bus once.
func (b *bench) find() (devices.Info, bool) {
	b.Helper()
	infos, err := b.rig.Bus.List(b.within(patience))
	b.must(err, "list")
	for _, info := range infos {
		if b.rig.Match(info) {
			return info, true
		}
	}
	return devices.Info{}, false
}

// waitListed polls until the device is listed, or is not.
func (b *bench) waitListed(want bool) devices.Info {
	b.Helper()
	limit := b.within(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, found := b.find()
		if found == want {
			return info
		}
		select {
		case <-limit.Done():
			b.Fatalf("after %v the device is listed: %v, want %v", patience, found, want)
		case <-tick.C:
		}
	}
}

// open takes the device over and gives it back at the end of the check.
func (b *bench) open() devices.HID {
	b.Helper()
	hid, err := b.rig.Bus.Open(b.within(patience), b.present)
	b.must(err, "open")
	closed := false
	o := &opened{HID: hid, closed: &closed}
	b.Cleanup(func() {
		if !closed {
			o.Close()
		}
	})
	return o
}

// opened remembers that it was closed: a HID may be closed once.
type opened struct {
	devices.HID
	closed *bool
}

func (o *opened) Close() error {
	*o.closed = true
	return o.HID.Close()
}
