package daemon

import (
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/wedge"
)

// WedgeConfig are the keys of a [[reader]] that types what it reads, or that is a stripe reader or
// barcode scanner in its HID mode. Its device is vendor:product as lsusb shows them, with a serial
// where the desk has two of a kind; for the kind "wedge" also a link in /dev/input/by-id.
type WedgeConfig struct {
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

// wedge makes the source of such a reader, or says what of its configuration is wrong.
func (r ReaderConfig) wedge(bus devices.Bus) (devices.TapSource, error) {
	if r.Read != "" || r.Slot != 0 || r.Model != "" {
		return nil, fmt.Errorf("read, slot and model are for a reader of the kind %s", readerCCID)
	}
	name := r.Device
	if r.Serial != "" {
		name += ":" + r.Serial
	}
	device, err := wedge.ParseSelector(name)
	if err != nil {
		return nil, err
	}
	s := wedge.Settings{Name: r.Name, Device: device, Field: r.Field, Number: r.Number,
		Layout: r.Layout, Pause: r.Pause}
	iface := 0
	if r.Interface != nil {
		iface = *r.Interface
	}
	switch r.Kind {
	case kindWedgeUSB:
		return wedge.NewTyping(bus, s, iface)
	case kindStripe:
		return wedge.NewStripe(bus, s, iface, r.Stripe)
	case kindScanner:
		return wedge.NewScanner(bus, s, iface, r.Label)
	}
	return wedge.NewKeyboard(s)
}
