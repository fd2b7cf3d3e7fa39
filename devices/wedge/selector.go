package wedge

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Selector names a reader so that it is the same one after a restart and in another port: by its
// USB ids, with its serial number where the site has two of a kind, or by the path of a stable link.
type Selector struct {
	// Path is a link that udev keeps, /dev/input/by-id/...; empty where ids are given.
	Path            string
	Vendor, Product uint16
	// Serial, unless empty, has to match as well.
	Serial string
}

// inputDir is where event nodes and their stable links are.
const inputDir = "/dev/input"

// ParseSelector reads "05f9:2203", "05f9:2203:S12345" or "/dev/input/by-id/usb-...-event-kbd".
func ParseSelector(text string) (Selector, error) {
	if strings.HasPrefix(text, "/") {
		if path.Clean(text) != text || !strings.HasPrefix(text, inputDir+"/by-") {
			return Selector{}, fmt.Errorf("device %q: a path is a stable link in %s/by-id or by-path",
				text, inputDir)
		}
		return Selector{Path: text}, nil
	}
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 2 {
		return Selector{}, fmt.Errorf(`device %q: name it by its USB ids, as in "05f9:2203"`, text)
	}
	vendor, err1 := hexID(parts[0])
	product, err2 := hexID(parts[1])
	if errors.Join(err1, err2) != nil || len(parts) == 3 && parts[2] == "" {
		return Selector{}, fmt.Errorf("device %q: an id is four hexadecimal digits, "+
			"and a serial number is not empty", text)
	}
	s := Selector{Vendor: vendor, Product: product}
	if len(parts) == 3 {
		s.Serial = parts[2]
	}
	return s, nil
}

// hexID reads the four digits that lsusb shows.
func hexID(text string) (uint16, error) {
	if len(text) != 4 {
		return 0, errors.New("not four digits")
	}
	id, err := strconv.ParseUint(text, 16, 16)
	return uint16(id), err
}

// String is what ParseSelector reads.
func (s Selector) String() string {
	if s.Path != "" {
		return s.Path
	}
	text := fmt.Sprintf("%04x:%04x", s.Vendor, s.Product)
	if s.Serial != "" {
		text += ":" + s.Serial
	}
	return text
}

// matches says whether a device of these ids is meant.
func (s Selector) matches(vendor, product uint16, serial string) bool {
	return s.Path == "" && s.Vendor == vendor && s.Product == product &&
		(s.Serial == "" || s.Serial == serial)
}
