package printer

import (
	"image"
	"image/draw"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Sizes on paper 72 mm wide, in dots of 1/203 inch. Everything scales with the width.
const (
	fullWidth = 576
	sizeSite  = 30
	sizeText  = 25
	sizeNote  = 22
	sizeTitle = 46
	sizeBig   = 42
	sizeCode  = 94
	sizeCodes = 70 // where there are several
	gap       = 14
	rule      = 3
)

// sheet is a slip on its way to a picture: the parts with their heights, then one picture of all.
type sheet struct {
	fonts fonts
	width int
	scale float64
	parts []part
	err   error
}

// part is one thing on the paper. draw puts it at height y.
type part struct {
	height int
	draw   func(dst *image.Gray, y int)
}

// paint draws a slip in a picture width dots wide. The caller wipes it. Paper narrower than full
// width is written smaller, but not in proportion: it must be read, too.
func (f fonts) paint(s Slip, width, fullAt int) (*image.Gray, error) {
	at := &sheet{fonts: f, width: width, scale: float64(fullAt) / fullWidth}
	at.head(s)
	at.codes(s.Codes)
	at.lines(s.Lines)
	at.foot(s)
	if at.err != nil {
		return nil, at.err
	}
	return at.picture(), nil
}

func (at *sheet) head(s Slip) {
	at.centred(s.Site, at.fonts.bold, sizeSite)
	at.centred(s.Desk, at.fonts.regular, sizeText)
	if len(at.parts) > 0 {
		at.rule()
	}
	at.centred(s.Title, at.fonts.bold, sizeTitle)
	at.centred(s.Lead, at.fonts.regular, sizeText)
	at.space(gap)
}

func (at *sheet) foot(s Slip) {
	if len(s.Text)+len(s.Hours) > 0 || s.Note != "" {
		at.rule()
	}
	for _, text := range s.Text {
		at.left(text, at.fonts.regular, sizeText)
		at.space(gap / 2)
	}
	if len(s.Hours) > 0 {
		at.space(gap / 2)
		at.left(s.HoursTitle, at.fonts.bold, sizeText)
	}
	for _, hours := range s.Hours {
		at.left(hours, at.fonts.regular, sizeText)
	}
	if s.Note != "" {
		at.space(gap)
		at.centred(s.Note, at.fonts.regular, sizeNote)
	}
}

func (at *sheet) dots(size float64) int { return int(size*at.scale + 0.5) }

func (at *sheet) space(size float64) { at.parts = append(at.parts, part{height: at.dots(size)}) }

func (at *sheet) rule() {
	at.space(gap)
	thick := max(at.dots(rule), 1)
	at.parts = append(at.parts, part{thick, func(dst *image.Gray, y int) {
		draw.Draw(dst, image.Rect(0, y, at.width, y+thick), image.Black, image.Point{}, draw.Src)
	}})
	at.space(gap)
}

func (at *sheet) pen(chain []*sfnt.Font, size float64) *pen {
	p, err := newPen(chain, size*at.scale)
	if err != nil && at.err == nil {
		at.err = err
	}
	return p
}

func (at *sheet) left(text string, chain []*sfnt.Font, size float64) {
	at.paragraph(text, chain, size, (*pen).wrap, func(int) int { return 0 })
}

func (at *sheet) centred(text string, chain []*sfnt.Font, size float64) {
	at.paragraph(text, chain, size, (*pen).balance, func(w int) int { return (at.width - w) / 2 })
}

func (at *sheet) right(text string, chain []*sfnt.Font, size float64) {
	at.paragraph(text, chain, size, (*pen).wrap, func(w int) int { return at.width - w })
}

// paragraph writes the lines that divide makes, each begun where begin says for its width.
func (at *sheet) paragraph(text string, chain []*sfnt.Font, size float64,
	divide func(*pen, string, int) ([][]rune, error), begin func(int) int,
) {
	p := at.pen(chain, size)
	if at.err != nil {
		return
	}
	lines, err := divide(p, text, at.width)
	if err != nil {
		at.err = err
	}
	for _, line := range lines {
		w, _ := p.width(line)
		at.parts = append(at.parts, part{p.height, func(dst *image.Gray, y int) {
			p.write(dst, begin(w), y, line)
		}})
	}
}

// lines writes the facts: the label at the left, the value at the right of the same line where both
// fit, else under it.
func (at *sheet) lines(lines []Line) {
	for _, l := range lines {
		size := float64(sizeText + 2)
		if l.Big {
			size = sizeBig
		}
		label, value := at.pen(at.fonts.regular, sizeText), at.pen(at.fonts.bold, size)
		if at.err != nil {
			return
		}
		at.line(l, label, value, size)
		at.space(gap / 3)
	}
}

func (at *sheet) line(l Line, label, value *pen, size float64) {
	lw, err := label.width([]rune(l.Label))
	vw, err2 := value.width([]rune(l.Value))
	if err != nil || err2 != nil || lw+vw+at.dots(gap) > at.width {
		at.left(l.Label, at.fonts.regular, sizeText)
		at.right(l.Value, at.fonts.bold, size)
		return
	}
	at.parts = append(at.parts, part{value.height, func(dst *image.Gray, y int) {
		label.write(dst, 0, y+value.ascent-label.ascent, []rune(l.Label))
		value.write(dst, at.width-vw, y, []rune(l.Value))
	}})
}

// codes writes each code large between two rules, as wide as the paper allows.
func (at *sheet) codes(codes []secret.Passcode) {
	if len(codes) == 0 {
		return
	}
	size := float64(sizeCode)
	if len(codes) > 1 {
		size = sizeCodes
	}
	at.rule()
	for _, code := range codes {
		p, height := at.codePen(code.Len(), size)
		at.parts = append(at.parts, part{height, func(dst *image.Gray, y int) {
			at.code(dst, p, y, code)
		}})
	}
	at.rule()
}

// codePen is the largest, up to a size, in which so many digits fit, with the height of a line that
// leaves as much room over digits as under them.
func (at *sheet) codePen(digits int, size float64) (*pen, int) {
	p := at.pen(at.fonts.bold, size)
	if at.err != nil {
		return nil, 0
	}
	if across := codeWidth(p, digits); across > at.width {
		size *= float64(at.width) / float64(across+1)
		p = at.pen(at.fonts.bold, size)
	}
	return p, at.dots(size * 1.17)
}

// groupOf is how many digits stand together, as they are read out.
const groupOf = 3

// code draws digit by digit, so that no string ever holds them.
func (at *sheet) code(dst *image.Gray, p *pen, y int, code secret.Passcode) {
	digits := code.Expose()
	defer clear(digits)
	x := (at.width - codeWidth(p, len(digits))) / 2
	for i, d := range digits {
		p.put(dst, fixed.P(x+i*digitWidth(p), y+p.ascent), rune(d))
		if i%groupOf == groupOf-1 {
			x += digitWidth(p) / 2
		}
	}
}

// codeWidth is how wide so many digits are, with half a digit between groups.
func codeWidth(p *pen, digits int) int {
	return digits*digitWidth(p) + max(digits-1, 0)/groupOf*(digitWidth(p)/2)
}

// digitWidth is the same for all ten.
func digitWidth(p *pen) int {
	w, _ := p.width([]rune{'0'})
	return w
}

func (at *sheet) picture() *image.Gray {
	height := 0
	for _, p := range at.parts {
		height += p.height
	}
	dst := image.NewGray(image.Rect(0, 0, at.width, height))
	for i := range dst.Pix {
		dst.Pix[i] = 0xff
	}
	y := 0
	for _, p := range at.parts {
		if p.draw != nil {
			p.draw(dst, y)
		}
		y += p.height
	}
	return dst
}
