package daemon

import (
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/wedge"
)

// WedgeConfig are the keys of a reader that types what it reads, or that is a stripe reader or
// barcode scanner in its HID mode.
type WedgeConfig struct {
	// Device names the reader: its USB ids, "05f9:2203", with a serial number behind another colon
	// where there are two of a kind; for the kind "wedge" also a link in /dev/input/by-id.
	Device string `toml:"device"`
	// Interface is the number of its USB interface, where it has several.
	Interface int `toml:"interface"`
	// Field is where in a scan the card's number stands.
	Field wedge.Field `toml:"field"`
	// Layout and Pause are of a reader that types: another keyboard than the US one, and how long
	// nothing has to come for a scan to be over.
	Layout wedge.Layout  `toml:"layout"`
	Pause  time.Duration `toml:"pause"`
	// Stripe and Label are the reports of HID readers that are not laid out as most are.
	Stripe wedge.StripeLayout `toml:"stripe"`
	Label  wedge.LabelLayout  `toml:"label"`
}

// The kinds of such readers.
const (
	// kindWedge is held by its event node, kindWedgeUSB by its USB interface: see
	// systemd/71-tokendesk-readers.rules for what either keeps quiet.
	kindWedge    = "wedge"
	kindWedgeUSB = "wedge-usb"
	kindStripe   = "magstripe"
	kindScanner  = "scanner"
)

// wedgeKinds lists them.
func wedgeKinds() []string { return []string{kindWedge, kindWedgeUSB, kindStripe, kindScanner} }

// source makes the reader, or says what of its configuration is wrong. Nothing is opened yet.
func (c WedgeConfig) source(
	bus devices.Bus, kind, name string, number devices.NumberFormat,
) (devices.TapSource, error) {
	device, err := wedge.ParseSelector(c.Device)
	if err != nil {
		return nil, fmt.Errorf("reader %s: %w", name, err)
	}
	s := wedge.Settings{Name: name, Device: device, Field: c.Field, Number: number,
		Layout: c.Layout, Pause: c.Pause}
	switch kind {
	case kindWedge:
		return wedge.NewKeyboard(s)
	case kindWedgeUSB:
		return wedge.NewTyping(bus, s, c.Interface)
	case kindStripe:
		return wedge.NewStripe(bus, s, c.Interface, c.Stripe)
	case kindScanner:
		return wedge.NewScanner(bus, s, c.Interface, c.Label)
	}
	return nil, fmt.Errorf("reader %s: no kind %q", name, kind)
}
