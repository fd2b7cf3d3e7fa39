package usbip

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzCommand: what is read writes back to the same bytes, nothing more is consumed than that, and
// nobody can make it allocate without bound.
func FuzzCommand(f *testing.F) {
	f.Add(append([]byte{0, 0, 0, 1}, make([]byte, 60)...))
	f.Add(append([]byte{0, 0, 0, 2}, make([]byte, 44)...))
	f.Add([]byte{0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		c, data, err := readCommand(r)
		if err != nil {
			return
		}
		if len(data) > maxTransfer {
			t.Fatalf("%d bytes of data", len(data))
		}
		var out bytes.Buffer
		if err := writeCommand(&out, c, data); err != nil {
			t.Fatal(err)
		}
		if consumed := in[:len(in)-r.Len()]; !bytes.Equal(out.Bytes(), consumed) {
			t.Errorf("read % x\nwrote % x", consumed, out.Bytes())
		}
	})
}

// FuzzBodies: each of the three bodies is 28 bytes that survive a round trip.
func FuzzBodies(f *testing.F) {
	f.Add(make([]byte, 28))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) != 28 {
			return
		}
		raw := [28]byte(in)
		for name, again := range map[string][28]byte{
			"submit":    body(decode[submit](raw)),
			"submitted": body(decode[submitted](raw)),
			"unlink":    body(decode[unlink](raw)),
		} {
			if again != raw {
				t.Errorf("%s: % x became % x", name, raw, again)
			}
		}
	})
}

// FuzzSetup: the SETUP packet is little endian and nothing of it is lost.
func FuzzSetup(f *testing.F) {
	f.Add([]byte{0x80, 6, 0, 1, 0, 0, 18, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) != 8 {
			return
		}
		var again [8]byte
		if _, err := binary.Encode(again[:], binary.LittleEndian, parseSetup([8]byte(in))); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again[:], in) {
			t.Errorf("% x became % x", in, again)
		}
	})
}

// FuzzString: an accepted field is its text and NULs, and nothing else.
func FuzzString(f *testing.F) {
	f.Add([]byte("1-1\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		text, err := readString(in)
		if err != nil {
			return
		}
		again := make([]byte, len(in))
		copy(again, text)
		if !bytes.Equal(again, in) || len(text) >= len(in) {
			t.Errorf("%q became %q", in, again)
		}
	})
}

// FuzzConfiguration: a configuration made of the interfaces that were found gives them again.
func FuzzConfiguration(f *testing.F) {
	f.Add(toyConfiguration)
	f.Add([]byte{9, 2, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		value, interfaces := parseConfiguration(in)
		again := []byte{9, 2, 0, 0, byte(len(interfaces)), value, 0, 0, 0}
		for i, c := range interfaces {
			again = append(again, 9, 4, byte(i), 0, 0, c[0], c[1], c[2], 0)
		}
		value2, interfaces2 := parseConfiguration(again)
		if value2 != value || !slices.Equal(interfaces2, interfaces) {
			t.Errorf("%d %x became %d %x", value, interfaces, value2, interfaces2)
		}
	})
}

func TestParseConfiguration(t *testing.T) {
	value, interfaces := parseConfiguration(toyConfiguration)
	if diff := cmp.Diff([][3]byte{{3, 1, 1}, {3, 0, 0}}, interfaces); diff != "" || value != 7 {
		t.Errorf("configuration %d, interfaces (-want +got):\n%s", value, diff)
	}
}

func TestParseStatus(t *testing.T) {
	const table = `hub port sta spd dev      sockfd local_busid
hs  0000 006 002 00010002 000003 1-1
hs  0001 004 000 00000000 000000 0-0
hs  0002 004 000 00000000 000000 0-0
ss  0008 004 000 00000000 000000 0-0
nonsense
`
	if got := parseStatus(table); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("free ports %v, want [1 2]", got)
	}
}
