//go:build linux && cgo && !nousb

package usb_test

import (
	"debug/elf"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
)

// TestLinkedLibrary: gousb was compiled against the headers of karalabe/hid's copy (pkg-config),
// and that copy is what was linked; nothing is looked for on the machine.
func TestLinkedLibrary(t *testing.T) {
	if got := usb.LibraryVersion(); got != "1.0.27" {
		t.Errorf("linked libusb is %q, want 1.0.27", got)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	needed, err := binary.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, lib := range needed {
		if strings.HasPrefix(lib, "libusb") || strings.HasPrefix(lib, "libudev") {
			t.Errorf("the binary needs %s of the machine", lib)
		}
	}
}

// TestNoBus: a machine without USB answers an error, again and again, and never panics.
func TestNoBus(t *testing.T) {
	if _, err := os.Stat("/dev/bus/usb"); err == nil {
		t.Skip("this machine has a usb bus; the kernel rig covers that case")
	}
	bus := usb.New()
	defer bus.Close()
	for range 2 {
		if _, err := bus.List(t.Context()); !errors.Is(err, devices.ErrUnsupported) {
			t.Errorf("List = %v, want ErrUnsupported", err)
		}
	}
	_, err := bus.Open(t.Context(), devices.Info{Path: "1-1:1.0", Vendor: 0x1050})
	if !errors.Is(err, devices.ErrUnplugged) {
		t.Errorf("Open = %v, want ErrUnplugged", err)
	}
}
