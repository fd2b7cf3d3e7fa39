package printer

import (
	"image"
	"image/draw"
	"strings"
	"unicode"

	"golang.org/x/image/math/fixed"
)

// width measures a text, in dots.
func (p *pen) width(text []rune) (int, error) {
	var sum fixed.Int26_6
	for _, r := range text {
		face, err := p.face(r)
		if err != nil {
			return 0, err
		}
		advance, _ := face.GlyphAdvance(r)
		sum += advance
	}
	return sum.Ceil(), nil
}

// write draws a text with its upper left corner at x, y.
func (p *pen) write(dst *image.Gray, x, y int, text []rune) {
	dot := fixed.P(x, y+p.ascent)
	for _, r := range text {
		dot.X += p.put(dst, dot, r)
	}
}

// put draws one character and returns how far it moves on.
func (p *pen) put(dst *image.Gray, dot fixed.Point26_6, r rune) fixed.Int26_6 {
	face, err := p.face(r)
	if err != nil {
		return 0 // measured before, so it is there
	}
	box, mask, at, advance, ok := face.Glyph(dot, r)
	if ok {
		draw.DrawMask(dst, box, image.Black, image.Point{}, mask, at, draw.Over)
	}
	return advance
}

// wrap breaks a text into lines of at most width dots: at spaces, between Han characters, and
// inside a word that is longer than a line.
func (p *pen) wrap(text string, width int) ([][]rune, error) {
	var lines [][]rune
	for _, part := range strings.Split(text, "\n") {
		rest := []rune(strings.TrimSpace(part))
		for len(rest) > 0 {
			n, err := p.fit(rest, width)
			if err != nil {
				return nil, err
			}
			lines = append(lines, trimRight(rest[:n]))
			rest = trimLeft(rest[n:])
		}
	}
	return lines, nil
}

// narrower is by how many dots a line is tried shorter, to balance it with the others.
const narrower = 12

// balance breaks a text into as few lines as wrap, and makes them about as long as each other: no
// word stands alone in the middle of the paper.
func (p *pen) balance(text string, width int) ([][]rune, error) {
	lines, err := p.wrap(text, width)
	for least := width / 2; err == nil && len(lines) > 1 && width > least; {
		width -= narrower
		next, wrong := p.wrap(text, width)
		if wrong != nil || len(next) > len(lines) {
			break
		}
		lines = next
	}
	return lines, err
}

// fit is how many runes of a text go on one line.
func (p *pen) fit(text []rune, width int) (int, error) {
	var used fixed.Int26_6
	last := 0
	for i, r := range text {
		if i > 0 && mayBreak(text[i-1], r) {
			last = i
		}
		face, err := p.face(r)
		if err != nil {
			return 0, err
		}
		advance, _ := face.GlyphAdvance(r)
		if used += advance; used.Ceil() > width && !unicode.IsSpace(r) {
			if last > 0 {
				return last, nil
			}
			return max(i, 1), nil
		}
	}
	return len(text), nil
}

// Signs that do not begin, and that do not end, a line of Han characters.
const (
	closing = "，。、；：！？）」』》〉】”’…％"
	opening = "（「『《〈【“‘"
)

func mayBreak(before, after rune) bool {
	if strings.ContainsRune(closing, after) || strings.ContainsRune(opening, before) {
		return false
	}
	return unicode.IsSpace(before) || wide(before) || wide(after) && !unicode.IsSpace(after)
}

// wide reports what is written without spaces between words.
func wide(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r <= 0x30ff || r >= 0xff00 && r <= 0xff60
}

func trimLeft(text []rune) []rune {
	for len(text) > 0 && unicode.IsSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func trimRight(text []rune) []rune {
	for len(text) > 0 && unicode.IsSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}
