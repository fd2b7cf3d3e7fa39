//go:build linux && cgo && !nousb

package usb

import (
	"context"
	"os"
	"strings"
	"time"
)

// Where udev keeps what it knows, and the property by which rule 72 says that it takes the
// keyboard driver off an interface (systemd/72-tokendesk.rules).
const (
	udevControl = "/run/udev/control"
	udevData    = "/run/udev/data/+usb:"
	udevMark    = "E:TOKENDESK_KEYBOARD=1\n"
)

// settle waits a moment for udev to take the keyboard driver off. If the interface were opened
// before that, the library would put the driver back when it closes, and for some milliseconds
// what the token types would reach the desktop.
func (p port) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for p.aboutToChange() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// aboutToChange says whether udev still has to act: it runs, the driver is bound, and it either
// has not seen the interface or has marked it as one whose driver goes.
func (p port) aboutToChange() bool {
	if p.driver() != "usbhid" {
		return false
	}
	if _, err := os.Stat(udevControl); err != nil {
		return false
	}
	known, err := os.ReadFile(udevData + p.iface)
	return err != nil || strings.Contains(string(known), udevMark)
}
