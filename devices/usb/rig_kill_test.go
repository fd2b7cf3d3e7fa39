//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// TestGuestTakeOverAfterKill: a daemon that was killed leaves the kernel's driver detached. The
// next one opens the key, writes it, and reads it.
func TestGuestTakeOverAfterKill(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	path := k.keyboard().Path
	if got := driver(path); got != "usbhid" {
		t.Fatalf("before: the interface has driver %q", got)
	}
	first := startHolder(t, 0, 0)
	first.do("open")
	first.kill()
	k.eventually("the kernel has let go", func() bool { return driver(path) == "" })
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

// TestGuestVirtualusb runs the command that puts keys on this kernel's bus, and the hand that
// touches and pulls them.
func TestGuestVirtualusb(t *testing.T) {
	guestOnly(t)
	const program, socket = usbtest.Work + "/virtualusb", "--socket=/tmp/virtualusb.sock"
	cmd := exec.Command(program, "run", socket, "--serial=24681357")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bus := usb.New()
	defer bus.Close()
	listed := func(n int) bool {
		infos, err := bus.List(t.Context())
		return err == nil && len(infos) == n
	}
	if !within(15*time.Second, func() bool { return listed(2) && len(inputs()) > 0 }) {
		t.Fatal("the key did not come up")
	}
	if got := fields(must(t, "ykinfo", "-s"))["serial"]; got != "24681357" {
		t.Errorf("ykinfo says the serial is %q", got)
	}
	must(t, "ykpersonalize", "-1", "-y", "-ooath-hotp", "-a"+hex.EncodeToString(seed))
	j := listen(t)
	if !within(15*time.Second, j.listens) {
		t.Fatal("the keyboard did not come back")
	}
	must(t, program, "touch", socket, "24681357")
	if want := expected(t, seed, 6, 1)[0]; !j.hears("", want) {
		t.Errorf("the input client heard %q, want %q", j.heard(), want)
	}
	must(t, program, "unplug", socket, "24681357")
	if !within(15*time.Second, func() bool { return listed(0) }) {
		t.Error("the key is still there after it was pulled")
	}
	must(t, program, "plug", socket, "24681357")
	if !within(15*time.Second, func() bool { return listed(2) }) {
		t.Error("the key did not come back")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("virtualusb run: %v", err)
	}
	if !within(15*time.Second, func() bool { return listed(0) }) {
		t.Error("the key outlives the process that keeps it")
	}
}

// TestGuestCloseBesideCalls breaks the rule of one owner: the library below would be killed by it.
// Whoever is late is told that the device is closed.
func TestGuestCloseBesideCalls(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	for range 8 {
		hid, err := k.bus.Open(t.Context(), k.keyboard())
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 3)
		for i := range 3 {
			go func() {
				for {
					var err error
					if i == 0 {
						_, err = hid.ReadInput(t.Context(), make([]byte, 8))
					} else {
						_, err = hid.GetFeature(t.Context(), make([]byte, 8))
					}
					if err != nil {
						ended <- err
						return
					}
				}
			}()
		}
		time.Sleep(20 * time.Millisecond) // in the middle of it
		if err := hid.Close(); err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := <-ended; !errors.Is(err, devices.ErrClosed) {
				t.Errorf("a call beside Close: %v, want ErrClosed", err)
			}
		}
	}
}
