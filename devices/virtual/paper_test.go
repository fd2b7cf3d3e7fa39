package virtual

import (
	"bytes"
	"testing"
)

// band is GS v 0 of one byte across and so many rows, all dark.
func band(rows byte) []byte {
	return append([]byte{0x1d, 'v', '0', 0, 1, 0, rows, 0}, bytes.Repeat([]byte{0xff}, int(rows))...)
}

var (
	askPaper = []byte{0x10, 0x04, 4}
	askDone  = []byte{0x1d, 'r', 1}
	cutHere  = []byte{0x1d, 'V', 66, 0}
)

// TestPaperKeepsWhatItCannotPrint: real-time commands are answered at once, all others wait for
// paper, and are forgotten when the printer is told so.
func TestPaperKeepsWhatItCannotPrint(t *testing.T) {
	p := NewPaper(8)
	p.EndAfter(3)
	if got := p.Receive(append(band(5), askDone...)); len(got) != 0 || p.Hanging() != 3 {
		t.Errorf("answered %x, %d rows", got, p.Hanging())
	}
	if got := p.Receive(askPaper); !bytes.Equal(got, []byte{0x72}) {
		t.Errorf("without paper it answers %x", got)
	}
	p.SetOut(false)
	if p.Hanging() != 5 {
		t.Errorf("with paper again %d rows hang out", p.Hanging())
	}
	p.SetOut(true)
	p.Receive(band(5))
	if got := p.Receive(clearBuffer); !bytes.Equal(got, cleared) {
		t.Errorf("cleared, it answers %x", got)
	}
	p.SetOut(false)
	p.Receive(cutHere)
	if slips := p.Slips(); len(slips) != 1 || slips[0].Rect.Dy() != 5 || p.Strange() != 0 {
		t.Errorf("%d slips, %d strange bytes", len(slips), p.Strange())
	}
}

// FuzzPaper: bytes mean the same in however many pieces they come.
func FuzzPaper(f *testing.F) {
	f.Add(bytes.Join([][]byte{{0x1b, '@'}, band(9), askPaper, askDone, cutHere}, nil), uint16(7))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		at := int(cut) % (len(data) + 1)
		whole, parts := NewPaper(64), NewPaper(64)
		want := whole.Receive(data)
		got := append(parts.Receive(data[:at]), parts.Receive(data[at:])...)
		if whole.Printed() != parts.Printed() || whole.Hanging() != parts.Hanging() ||
			whole.Strange() != parts.Strange() || len(got) != len(want) {
			t.Error("in two pieces it does something else")
		}
	})
}
