//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
)

// rigKey is a virtual key on the guest's bus. The kernel, and everything above it, is real.
type rigKey struct {
	*virtual.Key
	t    *testing.T
	twin *virtual.Bus // only to plug it in and out
	bus  *usb.Bus
	stop func()
}

// plugIn makes a key, plugs it in, and waits until the kernel has its interfaces.
func plugIn(t *testing.T, o virtual.Options) *rigKey {
	t.Helper()
	guestOnly(t)
	k := &rigKey{Key: virtual.New(o), t: t, twin: virtual.NewBus(), bus: usb.New(), stop: func() {}}
	t.Cleanup(func() {
		k.pull()
		if err := k.bus.Close(); err != nil {
			t.Error(err)
		}
	})
	k.plug()
	return k
}

// plug puts the key into the guest's kernel. A fault that cuts the key off pulls it there as well.
func (k *rigKey) plug() {
	k.t.Helper()
	k.twin.Plug(k.Key)
	port, err := usbip.Attach(context.Background(), k.USB())
	if err != nil {
		k.t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			changed := k.twin.Changed()
			if !k.Plugged() {
				break
			}
			<-changed
		}
		if err := port.Detach(); err != nil {
			k.t.Error(err)
		}
	}()
	k.stop = func() { <-stopped }
	k.eventually("the kernel has both interfaces and their drivers", func() bool {
		hidraw, _ := filepath.Glob("/dev/hidraw*")
		return len(k.list()) == 2 && (len(hidraw) == 2 || ruled())
	})
}

// pull takes the key out and waits until the kernel has cleared it away.
func (k *rigKey) pull() {
	k.t.Helper()
	k.twin.Unplug(k.Key)
	k.stop()
	k.eventually("the kernel has cleared the key away", func() bool {
		left, _ := filepath.Glob("/dev/hidraw*")
		return len(k.list()) == 0 && len(left) == 0
	})
}

func (k *rigKey) list() []devices.Info {
	k.t.Helper()
	infos, err := k.bus.List(k.t.Context())
	if err != nil {
		infos, err = k.bus.List(context.Background())
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return infos
}

// keyboard is the OTP interface as the bus lists it.
func (k *rigKey) keyboard() devices.Info {
	k.t.Helper()
	for _, info := range k.list() {
		if info.Interface == 0 {
			return info
		}
	}
	k.t.Fatal("the bus lists no keyboard interface")
	return devices.Info{}
}

// open opens the key with our driver and closes it with the test.
func (k *rigKey) open() *yubikey.Token {
	k.t.Helper()
	info := k.keyboard()
	hid, err := k.bus.Open(k.t.Context(), info)
	if err != nil {
		k.t.Fatal(err)
	}
	return yubikey.New(hid, info)
}

// touch types a code and returns it.
func (k *rigKey) touch(slot int) string {
	k.t.Helper()
	typed, err := k.Touch(slot)
	if err != nil {
		k.t.Fatal(err)
	}
	return typed
}

// eventually waits for something that the kernel does in its own time.
func (k *rigKey) eventually(what string, holds func() bool) {
	k.t.Helper()
	if !within(10*time.Second, holds) {
		k.t.Fatalf("waited in vain: %s", what)
	}
}

// within polls: a kernel has no channel.
func within(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// driver is the kernel driver bound to an interface, or "".
func driver(path string) string {
	target, err := os.Readlink(filepath.Join("/sys/bus/usb/devices", path, "driver"))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

// inputs are the input devices that the kernel has of Yubico's.
func inputs() (names []string) {
	all, _ := os.ReadFile("/proc/bus/input/devices")
	for block := range strings.SplitSeq(string(all), "\n\n") {
		if strings.Contains(block, "Vendor=1050") {
			names = append(names, block)
		}
	}
	return names
}

// ruled says whether our udev rule is at work in the guest.
func ruled() bool {
	_, err := os.Stat(rulePath)
	return err == nil
}
