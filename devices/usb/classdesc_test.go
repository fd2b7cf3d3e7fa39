package usb

import (
	"bytes"
	"slices"
	"testing"
)

// configurationOf builds a device with two configurations; the second has a keyboard and a reader.
func configurationOf(class []byte, behind bool) []byte {
	raw := []byte{18, 1, 0, 2, 0, 0, 0, 64, 0xE6, 4, 0x90, 0x57, 0, 1, 1, 2, 0, 2}
	raw = append(raw, 9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 1, 0, 0, 0xFF, 0, 0, 0)
	raw = append(raw, 9, 2, 200, 0, 2, 2, 0, 0x80, 50)
	raw = append(raw, 9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x10, 1, 0, 1, 0x22, 71, 0)
	raw = append(raw, 9, 4, 1, 0, 3, 0x0B, 0, 0, 0)
	endpoints := []byte{7, 5, 1, 2, 64, 0, 0, 7, 5, 0x82, 2, 64, 0, 0}
	if behind {
		return slices.Concat(raw, endpoints, class)
	}
	return slices.Concat(raw, class, endpoints)
}

func TestClassDescriptor(t *testing.T) {
	class := append([]byte{54, 0x21}, make([]byte, 52)...)
	vendor := append([]byte{54, 0xFF}, make([]byte, 52)...)
	for name, tt := range map[string]struct {
		raw                   []byte
		configuration, number int
		want                  []byte
	}{
		"before the endpoints":    {configurationOf(class, false), 2, 1, class},
		"behind them":             {configurationOf(class, true), 2, 1, class},
		"of the vendor's type":    {configurationOf(vendor, false), 2, 1, vendor},
		"another interface":       {configurationOf(class, false), 2, 0, nil},
		"another configuration":   {configurationOf(class, false), 1, 1, nil},
		"cut off":                 {configurationOf(class, true)[:110], 2, 1, nil},
		"a length of nothing":     {[]byte{0, 0, 0}, 1, 0, nil},
		"nothing to look through": {nil, 1, 0, nil},
	} {
		if got := classDescriptor(tt.raw, tt.configuration, tt.number); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: % x", name, got)
		}
	}
}

// FuzzClassDescriptor: whatever a device says, what is found is a descriptor that stands in it, and
// it is found behind anything that is put before as a configuration of another number.
func FuzzClassDescriptor(f *testing.F) {
	class := append([]byte{54, 0x21}, make([]byte, 52)...)
	f.Add(configurationOf(class, false), uint8(2), uint8(1))
	f.Add(configurationOf(class, true), uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, configuration, number uint8) {
		got := classDescriptor(raw, int(configuration), int(number))
		if got == nil {
			return
		}
		if len(got) != 54 || !bytes.Contains(raw, got) {
			t.Errorf("found % x", got)
		}
		other := []byte{9, 2, 9, 0, 0, configuration + 1, 0, 0x80, 50}
		if again := classDescriptor(append(other, raw...), int(configuration), int(number)); !bytes.Equal(
			again, got) {
			t.Errorf("found % x behind another configuration", again)
		}
	})
}

// TestOddNumbers: an interface that comes again after another one is found, and alternate settings
// are not taken for one.
func TestOddNumbers(t *testing.T) {
	device, config := []byte{18, 1, 16: 0, 17: 1}, []byte{9, 2, 0, 0, 3, 1, 0, 0x80, 50}
	of := func(settings ...[2]byte) []byte {
		raw := slices.Concat(device, config)
		for _, s := range settings {
			raw = append(raw, 9, 4, s[0], s[1], 0, 3, 0, 0, 0)
		}
		return raw
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want bool
	}{
		"in order":             {of([2]byte{0, 0}, [2]byte{1, 0}, [2]byte{1, 1}), false},
		"twice on end":         {of([2]byte{0, 0}, [2]byte{0, 0}), false},
		"again":                {of([2]byte{0, 0}, [2]byte{1, 0}, [2]byte{0, 0}), true},
		"an alternate behind":  {of([2]byte{0, 0}, [2]byte{1, 0}, [2]byte{0, 1}), false},
		"of two configuration": {append(of([2]byte{0, 0}, [2]byte{1, 0}), of([2]byte{0, 0})[18:]...), false},
		"cut off":              {of([2]byte{0, 0}, [2]byte{1, 0}, [2]byte{0, 0})[:50], false},
	} {
		if got := oddNumbers(tt.raw); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
