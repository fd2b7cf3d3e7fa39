package daemon

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
)

// The kinds of [[reader]].
const (
	readerCCID = "ccid"
)

// tokenVendors are the USB vendors of security tokens (Yubico): their own smart-card interface is no
// card reader, unless the configuration names it.
var tokenVendors = []uint16{0x1050}

// ReaderConfig is one [[reader]]: a card reader that the desk watches. A reader is found by what is
// given of device, serial and model; none of them means any reader of the kind.
type ReaderConfig struct {
	// Kind is "ccid" for a smart-card reader on USB; the others are those of WedgeConfig.
	Kind string `toml:"kind"`
	// Name is what messages call it; the kind and its place in the list unless given.
	Name string `toml:"name"`
	// Device is vendor:product in hexadecimal, for example "072f:2200"; Serial the reader's serial
	// number; Model a part of its name.
	Device string `toml:"device"`
	Serial string `toml:"serial"`
	Model  string `toml:"model"`
	// Interface is the USB interface of a reader that has several, such as one for contactless cards
	// and one for those with contacts; Slot is the slot of one that has several.
	Interface *int `toml:"interface"`
	Slot      int  `toml:"slot"`
	// Read is "uid" (unless given) or "file". A file is found by the application's identifier, the
	// identifiers of the files to select one after the other, or both, in hexadecimal; its part from
	// Offset on of Length bytes is the number, as characters where Text is true.
	Read   string   `toml:"read"`
	AID    string   `toml:"aid"`
	Files  []string `toml:"files"`
	Offset int      `toml:"offset"`
	Length int      `toml:"length"`
	Text   bool     `toml:"text"`
	// Number brings what was read into the form in which the directory has it.
	Number devices.NumberFormat `toml:"number"`
	WedgeConfig
}

// readerBuses are where readers are plugged in, by what kinds of them are opened through.
type readerBuses struct {
	cards devices.ReaderBus
	hid   devices.Bus
}

// checkReaders refuses readers that could never be opened.
func (c Config) checkReaders() error {
	_, err := c.tapSources(readerBuses{})
	return err
}

// tapSources makes the source of every configured reader. Nothing is opened.
func (c Config) tapSources(buses readerBuses) ([]devices.TapSource, error) {
	var sources []devices.TapSource
	names := map[string]bool{}
	for i, r := range c.Readers {
		if r.Name == "" {
			r.Name = fmt.Sprintf("%s-%d", r.Kind, i+1)
		}
		if names[r.Name] {
			return nil, fmt.Errorf("[[reader]] %s: there are two of this name", r.Name)
		}
		names[r.Name] = true
		source, err := r.source(buses)
		if err != nil {
			return nil, fmt.Errorf("[[reader]] %s: %w", r.Name, err)
		}
		sources = append(sources, source)
	}
	return sources, nil
}

// source makes one reader's source.
func (r ReaderConfig) source(buses readerBuses) (devices.TapSource, error) {
	switch r.Kind {
	case readerCCID:
		return r.ccid(buses.cards)
	case kindWedge, kindWedgeUSB, kindStripe, kindScanner:
		return r.wedge(buses.hid)
	}
	return nil, fmt.Errorf("no kind %q: it is %s or %s", r.Kind, readerCCID,
		strings.Join(wedgeKinds(), ", "))
}

// ccid makes a smart-card reader's source.
func (r ReaderConfig) ccid(bus devices.ReaderBus) (devices.TapSource, error) {
	vendor, product, err := r.device()
	if err != nil {
		return nil, err
	}
	place, err := r.place()
	if err != nil {
		return nil, err
	}
	match := ccid.Match{Vendor: vendor, Product: product, Serial: r.Serial, Model: r.Model,
		Interface: -1, Tokens: tokenVendors}
	if r.Interface != nil {
		match.Interface = *r.Interface
	}
	return ccid.New(bus, ccid.Options{Name: r.Name, Match: match, Slot: r.Slot, Place: place,
		Format: r.Number})
}

// device reads "vendor:product"; nothing is any.
func (r ReaderConfig) device() (vendor, product uint16, err error) {
	if r.Device == "" {
		return 0, 0, nil
	}
	left, right, _ := strings.Cut(r.Device, ":")
	v, err1 := strconv.ParseUint(left, 16, 16)
	p, err2 := strconv.ParseUint(right, 16, 16)
	if err1 != nil || err2 != nil {
		return 0, 0, errors.New(`device is vendor:product in hexadecimal, for example "072f:2200"`)
	}
	return uint16(v), uint16(p), nil
}

// place is where on a card the number is.
func (r ReaderConfig) place() (p ccid.Place, err error) {
	file := r.AID != "" || len(r.Files) > 0 || r.Offset != 0 || r.Length != 0 || r.Text
	switch r.Read {
	case "", "uid":
		if file {
			return p, errors.New(`aid, files, offset, length and text need read = "file"`)
		}
		return p, nil
	case "file":
	default:
		return p, fmt.Errorf("read is uid or file, not %q", r.Read)
	}
	p = ccid.Place{Offset: r.Offset, Length: r.Length, Text: r.Text}
	if p.AID, err = hex.DecodeString(r.AID); err != nil {
		return p, errors.New("aid is in hexadecimal")
	}
	for _, name := range r.Files {
		id, err := hex.DecodeString(name)
		if err != nil {
			return p, errors.New("files are in hexadecimal")
		}
		p.Files = append(p.Files, id)
	}
	if len(p.AID) == 0 && len(p.Files) == 0 {
		return p, errors.New(`read = "file" needs aid, files or both`)
	}
	return p, nil
}
