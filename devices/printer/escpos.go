package printer

import "image"

// Commands of Epson's ESC/POS, as its command reference names them.
const (
	dle = 0x10
	eot = 0x04
	enq = 0x05
	dc4 = 0x14
	gs  = 0x1d
	esc = 0x1b
)

var (
	// begin: ESC @ initialises; GS a 0 turns automatic status off, its bytes would mix with answers.
	begin = []byte{esc, '@', gs, 'a', 0}
	// end: ESC d feeds lines to the cutter, GS V 66 0 cuts but for one point.
	end = []byte{esc, 'd', 3, gs, 'V', 66, 0}
	// askDone is GS r 1: unlike DLE EOT it waits its turn, so its answer says that all before it was
	// carried out.
	askDone = []byte{gs, 'r', 1}
	// clearBuffer is DLE DC4 8: what was received and not printed is forgotten. cleared answers it.
	clearBuffer = []byte{dle, dc4, 8, 1, 3, 20, 1, 6, 2, 8}
	cleared     = []byte{0x37, 0x25, 0x00}
)

// bandLines is the height of one raster command. Printers hold a few of them.
const bandLines = 96

// dark is what becomes a dot: a little more than half, since thin strokes burn thin.
const dark = 0x90

// bands are the commands that burn a picture, GS v 0 each.
func bands(picture *image.Gray) [][]byte {
	var all [][]byte
	box := picture.Bounds()
	for y := 0; y < box.Dy(); y += bandLines {
		all = append(all, band(picture, y, min(bandLines, box.Dy()-y)))
	}
	return all
}

func band(picture *image.Gray, y, height int) []byte {
	across := (picture.Bounds().Dx() + 7) / 8
	header := []byte{gs, 'v', '0', 0, byte(across), byte(across >> 8), byte(height), byte(height >> 8)}
	out := make([]byte, len(header), len(header)+across*height)
	copy(out, header)
	for row := y; row < y+height; row++ {
		for column := range across {
			out = append(out, eight(picture, column*8, row))
		}
	}
	defuse(out[len(header):])
	return out
}

// eight are eight dots, the leftmost in the highest bit.
func eight(picture *image.Gray, x, y int) (b byte) {
	for i := range 8 {
		if x+i < picture.Bounds().Dx() && picture.Pix[y*picture.Stride+x+i] < dark {
			b |= 0x80 >> i
		}
	}
	return b
}

// defuse moves one dot wherever dots would read as a real-time command, which a printer carries out
// even in the middle of a picture: DLE EOT, DLE ENQ, DLE DC4.
func defuse(dots []byte) {
	for i := 1; i < len(dots); i++ {
		if dots[i-1] == dle && (dots[i] == eot || dots[i] == enq || dots[i] == dc4) {
			dots[i] |= 0x08
		}
	}
}

// questions are the n of DLE EOT n that are asked: the printer, why it is off line, its paper.
var questions = []byte{1, 2, 4}

// answered reports a byte that answers DLE EOT: bits 1 and 4 are set, 0 and 7 are not.
func answered(b byte) bool { return b&0x93 == 0x12 }

// done reports a byte that answers GS r: bits 4 and 7 are not set.
func done(b byte) bool { return b&0x90 == 0 }

// add takes the answer to one question into a status.
func (s *Status) add(question, b byte) {
	switch question {
	case 1: // bit 3: off line
		s.Ready = s.Ready && b&0x08 == 0
	case 2: // bit 2: cover open; bit 5: stopped for paper; bit 6: an error
		s.Cover = s.Cover && b&0x04 == 0
		s.Paper = s.Paper && b&0x20 == 0
		s.Ready = s.Ready && b&0x40 == 0
	case 4: // bits 2, 3: near the end; bits 5, 6: at it
		s.Low = s.Low || b&0x0c != 0
		s.Paper = s.Paper && b&0x60 == 0
	}
}
