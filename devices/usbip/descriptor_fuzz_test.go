package usbip

import (
	"slices"
	"testing"
)

// FuzzConfigurationDescriptor: what was found in a configuration descriptor is written as one and
// found again.
func FuzzConfigurationDescriptor(f *testing.F) {
	f.Add([]byte{9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 3, 1, 1, 0})
	f.Add([]byte{9, 2, 0xff, 0xff, 9, 9, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		value, interfaces := parseConfiguration(b)
		written := []byte{9, 2, 0, 0, byte(len(interfaces)), value, 0, 0, 0}
		for i, class := range interfaces {
			written = append(written, 9, 4, byte(i), 0, 0, class[0], class[1], class[2], 0)
		}
		again, found := parseConfiguration(written)
		if again != value || !slices.Equal(found, interfaces) {
			t.Errorf("%d %v, then %d %v", value, interfaces, again, found)
		}
	})
}
