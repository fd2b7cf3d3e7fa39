package ccid

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzATR: what is an answer to reset is one to its last byte: nothing shorter is, but for a check
// byte that may be missing, and its historical bytes stand in it.
func FuzzATR(f *testing.F) {
	f.Add([]byte{0x3B, 0x02, 0x14, 0x50})
	f.Add([]byte{0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06, 0x03,
		0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x6A})
	f.Add([]byte{0x3F, 0x65, 0x25, 0x00, 0x2C, 0x09, 0x69, 0x90, 0x00})
	f.Add([]byte{0x3B, 0xF8, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x15, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, raw []byte) {
		atr, err := ParseATR(raw)
		if err != nil {
			return
		}
		if !bytes.Contains(raw, atr.Historical) || len(atr.Historical) != int(raw[1]&0x0F) {
			t.Errorf("historical bytes % x in % x", atr.Historical, raw)
		}
		for n := range len(raw) {
			if _, err := ParseATR(raw[:n]); err == nil && (n != len(raw)-1 || atr.others) {
				t.Errorf("% x is one, and so are its first %d bytes", raw, n)
			}
		}
		if _, err := ParseATR(append(bytes.Clone(raw), 1, 2)); err == nil {
			t.Errorf("% x is one, and is with more behind it", raw)
		}
	})
}

// FuzzMessage: a message that is taken says its own length and is written back to the same bytes.
func FuzzMessage(f *testing.F) {
	f.Add([]byte{0x80, 9, 0, 0, 0, 0, 2, 0, 0, 0, 4, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80, 0x90, 0})
	f.Add([]byte{0x81, 0, 0, 0, 0, 0, 1, 2, 0, 0})
	f.Add([]byte{0x80, 0, 0, 0, 0, 0, 1, 0x41, 0xFE, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parse(raw)
		if err != nil {
			return
		}
		again := build(m.kind, m.slot, m.seq, [3]byte{m.status, m.fault, m.chain}, m.data)
		if !bytes.Equal(again, raw) {
			t.Errorf("% x became % x", raw, again)
		}
		failed := m.status&0xC0 == 0x40
		if (m.err() != nil) != failed || failed && m.extends() {
			t.Errorf("% x: %v, extends %t", raw, m.err(), m.extends())
		}
	})
}

// FuzzDescriptor: a reader that is taken has a level that is driven, and messages that fit.
func FuzzDescriptor(f *testing.F) {
	known := make([]byte, descriptorSize)
	known[0], known[1], known[5], known[6] = descriptorSize, 0x21, 7, 3
	binary.LittleEndian.PutUint32(known[40:], 0x000400FE)
	binary.LittleEndian.PutUint32(known[44:], 271)
	f.Add(known)
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ParseDescriptor(raw)
		if err != nil {
			return
		}
		if d.Level < LevelTPDU || d.Level > LevelExtendedAPDU || d.MaxMessage < minMessage ||
			d.MaxMessage > maxMessage || d.Slots < 1 || len(d.voltages()) == 0 ||
			d.Level == LevelTPDU && !d.T0 {
			t.Errorf("% x: %+v", raw, d)
		}
	})
}

// FuzzAPDU: what passes for a command has a length that its own bytes say, in one way only.
func FuzzAPDU(f *testing.F) {
	f.Add([]byte{0, 0xB0, 0, 0, 0})
	f.Add([]byte{0, 0xA4, 4, 0, 2, 1, 2, 0})
	f.Add([]byte{0, 0xD6, 0, 0, 0, 0, 2, 1, 2, 0, 0})
	f.Fuzz(func(t *testing.T, apdu []byte) {
		kind, err := caseOf(apdu)
		if err != nil {
			return
		}
		width := 1
		if kind.extended {
			width = 2
		}
		want := 4 + kind.data
		if kind.data > 0 {
			want += width
		}
		if kind.expects {
			want += width
		}
		if kind.extended {
			want++ // the byte of zero in front
		}
		if len(apdu) != want {
			t.Errorf("% x is %+v, which has %d bytes", apdu, kind, want)
		}
	})
}
