package virtual

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/devicestest"
)

// ready is a key whose slot 1 types six digits and Enter.
func ready(t *testing.T) (*Bus, *Key) {
	t.Helper()
	b, k, h := plugged(t, Options{})
	if !h.accepted(0x01, rfcSetup().payload()) {
		t.Fatal("slot 1 was not written")
	}
	if err := h.hid.Close(); err != nil {
		t.Fatal(err)
	}
	return b, k
}

// localHand handles a key of this process.
type localHand struct {
	bus *Bus
	key *Key
}

func (h localHand) Plug(context.Context) error   { h.bus.Plug(h.key); return nil }
func (h localHand) Unplug(context.Context) error { h.bus.Unplug(h.key); return nil }
func (h localHand) Touch(context.Context) error  { _, err := h.key.Touch(1); return err }

// remoteHand handles a key through the control socket.
type remoteHand struct {
	remote *Remote
	serial uint32
}

func (h remoteHand) Plug(ctx context.Context) error   { return h.remote.Plug(ctx, h.serial) }
func (h remoteHand) Unplug(ctx context.Context) error { return h.remote.Unplug(ctx, h.serial) }
func (h remoteHand) Touch(ctx context.Context) error {
	_, err := h.remote.Touch(ctx, h.serial, 1)
	return err
}

func keyboardInterface(info devices.Info) bool {
	return info.Vendor == Vendor && info.Interface == 0
}

func TestConformanceInProcess(t *testing.T) {
	devicestest.Suite(t, func(t *testing.T) devicestest.Rig {
		b, k := ready(t)
		return devicestest.Rig{
			Bus: b, Hand: localHand{b, k}, Match: keyboardInterface, Serial: k.Serial(),
		}
	})
}

func TestConformanceThroughASocket(t *testing.T) {
	devicestest.Suite(t, func(t *testing.T) devicestest.Rig {
		b, k := ready(t)
		remote := served(t, b)
		return devicestest.Rig{
			Bus: remote, Hand: remoteHand{remote, k.Serial()},
			Match: keyboardInterface, Serial: k.Serial(),
		}
	})
}

// served serves the bus on a socket until the test ends.
func served(t *testing.T, b *Bus) *Remote {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, b) }()
	t.Cleanup(func() {
		cancel()
		want(t, "Serve", <-done, context.Canceled)
	})
	return Dial(path)
}
