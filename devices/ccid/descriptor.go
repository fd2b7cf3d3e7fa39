package ccid

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// Level is what a reader takes in one exchange (CCID 1.1 section 5.1, dwFeatures).
type Level int

// The levels this package drives.
const (
	LevelTPDU Level = iota + 1
	LevelShortAPDU
	LevelExtendedAPDU
)

// Features of a reader (CCID 1.1 section 5.1, dwFeatures).
const (
	featureVoltage    = 0x00000008 // the reader finds the voltage
	featureNegotiates = 0x000000C2 // the reader sets or negotiates parameters by itself
	featureLevel      = 0x00070000
	levelTPDU         = 0x00010000
	levelShort        = 0x00020000
	levelExtended     = 0x00040000
)

// Descriptor is what of the class descriptor matters here.
type Descriptor struct {
	// Slots is how many cards the reader takes, from 1.
	Slots int
	// Voltages has bit 0 for 5 V, bit 1 for 3 V, bit 2 for 1.8 V.
	Voltages byte
	// T0 and T1 are the protocols it speaks to cards.
	T0, T1 bool
	// Features is dwFeatures, MaxMessage dwMaxCCIDMessageLength.
	Features   uint32
	MaxMessage int
	Level      Level
}

// descriptorSize is bLength of the class descriptor.
const descriptorSize = 54

// Limits of dwMaxCCIDMessageLength: what an exchange of a short APDU takes at least, and more than
// any reader has.
const (
	minMessage = 271
	maxMessage = 1 << 17
)

// ParseDescriptor reads a class descriptor and refuses a reader that this package cannot drive,
// with a sentence that names what is not supported.
func ParseDescriptor(raw []byte) (Descriptor, error) {
	if len(raw) < descriptorSize || raw[0] != descriptorSize {
		return Descriptor{}, errors.New("reader descriptor: not the 54 bytes of CCID 1.1")
	}
	protocols := binary.LittleEndian.Uint32(raw[6:])
	d := Descriptor{
		Slots: int(raw[4]) + 1, Voltages: raw[5] & 7,
		T0: protocols&1 != 0, T1: protocols&2 != 0,
		Features:   binary.LittleEndian.Uint32(raw[40:]),
		MaxMessage: int(binary.LittleEndian.Uint32(raw[44:])),
	}
	switch d.Features & featureLevel {
	case levelTPDU:
		d.Level = LevelTPDU
	case levelShort:
		d.Level = LevelShortAPDU
	case levelExtended:
		d.Level = LevelExtendedAPDU
	default:
		return Descriptor{}, fmt.Errorf("reader descriptor: a reader of character level (features "+
			"%08X), and only TPDU and APDU level are driven: %w", d.Features, devices.ErrUnsupported)
	}
	return d, d.check()
}

func (d Descriptor) check() error {
	switch {
	case d.Level == LevelTPDU && !d.T0:
		return fmt.Errorf("reader descriptor: a reader of TPDU level that speaks only T=1 to cards, "+
			"and only T=0 is driven at that level: %w", devices.ErrUnsupported)
	case !d.T0 && !d.T1:
		return fmt.Errorf("reader descriptor: neither T=0 nor T=1: %w", devices.ErrUnsupported)
	case d.MaxMessage < minMessage || d.MaxMessage > maxMessage:
		return fmt.Errorf("reader descriptor: messages of %d bytes", uint32(d.MaxMessage))
	}
	return nil
}

// voltages are the bPowerSelect values to try in turn (CCID 1.1 section 6.1.1): the reader's own
// choice, or from the lowest class upwards, so that no card gets more than it takes (ISO 7816-3).
func (d Descriptor) voltages() []byte {
	if d.Features&featureVoltage != 0 || d.Voltages == 0 {
		return []byte{0}
	}
	var select3 []byte
	for _, v := range []byte{3, 2, 1} { // 1.8 V, 3 V, 5 V; bit v-1 says the reader has it
		if d.Voltages&(1<<(v-1)) != 0 {
			select3 = append(select3, v)
		}
	}
	return select3
}
