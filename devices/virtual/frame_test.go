package virtual

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cut makes the feature reports of a frame: the inverse of the assembler, written here because
// only a host needs it. Parts that are all zero are left out, except the first and the last.
func cut(command byte, payload []byte) [][reportSize]byte {
	var b [frameSize]byte
	copy(b[:payloadSize], payload)
	b[payloadSize] = command
	binary.LittleEndian.PutUint16(b[payloadSize+1:], crc16(b[:payloadSize]))
	var reports [][reportSize]byte
	for number := 0; number <= lastPart; number++ {
		part := b[number*partSize:][:partSize]
		if allZero(part) && number != 0 && number != lastPart {
			continue
		}
		report := [reportSize]byte{partSize: flagSlotWrite | byte(number)}
		copy(report[:], part)
		reports = append(reports, report)
	}
	return reports
}

func TestCRC(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want uint16
	}{
		{[]byte("123456789"), 0x6F91},
		{make([]byte, 64), 0x5B6B},
		{nil, 0xFFFF},
		{[]byte{0x00, 0xbc, 0x61, 0x4e, 0xc8, 0x04}, crcResidual},
	} {
		if got := crc16(c.data); got != c.want {
			t.Errorf("CRC of % x is %04X, want %04X", c.data, got, c.want)
		}
	}
}

func TestAssemblerOrder(t *testing.T) {
	whole := cut(0x01, []byte{0: 1, 10: 2, 20: 3, 63: 4})
	first, last := whole[0], whole[len(whole)-1]
	for _, c := range []struct {
		name    string
		reports [][reportSize]byte
		want    bool
	}{
		{"whole", whole, true},
		{"twice the first part", append([][reportSize]byte{first}, whole...), true},
		{"a reset before", append([][reportSize]byte{{7: 0x8F}}, whole...), true},
		{"no first part", whole[1:], false},
		{"backwards", [][reportSize]byte{first, whole[2], whole[1], whole[3], last}, false},
		{"a part twice", [][reportSize]byte{first, whole[1], whole[1], whole[2], last}, false},
		{"a part lost", [][reportSize]byte{first, whole[2], whole[3], last}, false},
		{"a reset within", [][reportSize]byte{first, {7: 0x8F}, last}, false},
		{"a part without the flag", [][reportSize]byte{first, {7: 0x01}, last}, false},
	} {
		var a assembler
		got := false
		for _, r := range c.reports {
			if _, ok := a.take(r); ok {
				got = true
			}
		}
		if got != c.want {
			t.Errorf("%s: accepted %v, want %v", c.name, got, c.want)
		}
	}
}

// FuzzFrameRoundTrip states the law: what is cut is put together again, from any state the
// assembler may be in.
func FuzzFrameRoundTrip(f *testing.F) {
	f.Add([]byte("12345678901234567890"), byte(0x01), []byte{0x80, 0x83, 0x89})
	f.Add([]byte{}, byte(0x10), []byte{})
	f.Fuzz(func(t *testing.T, payload []byte, command byte, before []byte) {
		var a assembler
		for _, flags := range before {
			a.take([reportSize]byte{0: flags, partSize: flags})
		}
		want := frame{command: command}
		copy(want.payload[:], payload)
		reports := cut(command, want.payload[:])
		for i, r := range reports {
			got, ok := a.take(r)
			if ok != (i == len(reports)-1) {
				t.Fatalf("report %d of %d: complete is %v", i+1, len(reports), ok)
			}
			if ok && got != want {
				t.Errorf("frame changed:\n%s", cmp.Diff(want.payload, got.payload))
			}
		}
	})
}

// FuzzConfig states the law of the 52 bytes: what parses is written back as it was.
func FuzzConfig(f *testing.F) {
	good := deliveredConfig(1).bytes()
	f.Add(good[:50], true)
	f.Add(make([]byte, 50), false)
	f.Fuzz(func(t *testing.T, body []byte, sound bool) {
		var b [configSize]byte
		copy(b[:50], body)
		if sound {
			b[48], b[49] = 0, 0
			binary.LittleEndian.PutUint16(b[50:], ^crc16(b[:50]))
		}
		c, ok := parseConfig(b)
		if ok && c.bytes() != b {
			t.Errorf("% x was written back as % x", b, c.bytes())
		}
		if sound && !ok && b[44] <= 16 {
			t.Errorf("% x was refused", b)
		}
	})
}
