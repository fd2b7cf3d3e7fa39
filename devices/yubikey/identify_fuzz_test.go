package yubikey

import (
	"bytes"
	"testing"
)

// FuzzDeviceInfo: a page of device info that was read is written tag by tag and read again as the
// same; one cut short never panics.
func FuzzDeviceInfo(f *testing.F) {
	f.Add([]byte{12, 1, 2, 2, 0x3f, 2, 4, 1, 9, 0x5a, 0x35, 4, 1, 3})
	f.Add([]byte{255, 2, 200, 1})
	f.Fuzz(func(t *testing.T, page []byte) {
		about := parseDeviceInfo(page)
		written := []byte{0}
		for tag, value := range about {
			written = append(append(written, tag, byte(len(value))), value...)
		}
		if len(written) > 256 {
			t.Fatalf("a page of %d bytes gave %d", len(page), len(written))
		}
		written[0] = byte(len(written) - 1)
		again := parseDeviceInfo(written)
		if len(again) != len(about) {
			t.Fatalf("%d tags, then %d", len(about), len(again))
		}
		for tag, value := range about {
			if !bytes.Equal(again[tag], value) {
				t.Errorf("tag %02x: % x, then % x", tag, value, again[tag])
			}
		}
		_ = about.number(2)
	})
}
