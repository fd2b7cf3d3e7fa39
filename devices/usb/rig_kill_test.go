//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// TestGuestTakeOverAfterKill: a daemon that was killed leaves the kernel's driver detached. The next
// one opens the key, writes it, and reads it.
func TestGuestTakeOverAfterKill(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	path := k.keyboard().Path
	if got := driver(path); got != "usbhid" {
		t.Fatalf("before: the interface has driver %q", got)
	}
	first := startHolder(t, 0, 0)
	first.do("open")
	first.kill()
	k.eventually("the kernel has let go for the dead process", func() bool { return driver(path) == "" })
	token := k.open()
	if err := token.Program(t.Context(), config(1, 6, nil, nil)); err != nil {
		t.Fatal(err)
	}
	if got, want := k.read(token, 1, 6), expected(t, seed, 6, 1)[0]; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestGuestPermission: a process without rights lists the key and is told why it cannot open it.
func TestGuestPermission(t *testing.T) {
	plugIn(t, virtual.Options{})
	h := startHolder(t, 4242, 4242)
	h.do("list")
	if got := h.ask("open"); !refuses(got, devices.ErrPermission) {
		t.Errorf("open without rights: %q, want %q", got, devices.ErrPermission)
	}
}
