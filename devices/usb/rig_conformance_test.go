//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/devicestest"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// TestGuestConformance: what every bus must do, this one does through a kernel.
func TestGuestConformance(t *testing.T) {
	guestOnly(t)
	const serial = 7654321
	devicestest.Suite(t, func(t *testing.T) devicestest.Rig {
		k := plugIn(t, virtual.Options{Serial: serial, Delivered: true})
		return devicestest.Rig{
			Bus: k.bus, Hand: hand{k}, Serial: serial,
			Match: func(info devices.Info) bool { return info.Interface == 0 },
		}
	})
}

// hand handles the key for the suite.
type hand struct{ k *rigKey }

var _ devicestest.Hand = hand{}

// Plug puts the key in.
func (h hand) Plug(context.Context) error {
	h.k.stop()
	h.k.plug()
	return nil
}

// Unplug pulls the key out.
func (h hand) Unplug(context.Context) error {
	h.k.twin.Unplug(h.k.Key)
	return nil
}

// Touch makes the key type.
func (h hand) Touch(context.Context) error {
	_, err := h.k.Touch(1)
	return err
}
