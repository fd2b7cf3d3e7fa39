package wedge

import "bytes"

// track is one track of a stripe: what stands between its sentinels, or why that is not to be had.
type track struct {
	data []byte
	seen bool
	drop Drop
}

// stripe is a card, its tracks 1 to 3 at the indexes 0 to 2.
type stripe [3]track

// coding is how a track is written. Track 1 has six bits a character, from the blank on; the others
// four, from the digit 0 on; a parity bit is added to each (ISO/IEC 7811-2 tables 2 and 3). The
// separators are those of ISO/IEC 7813 and 4909; full is the length of a track less its sentinels
// and check character.
type coding struct {
	start, separator byte
	base, mask       byte
	full             int
}

var codings = [3]coding{
	{'%', '^', ' ', 0x3f, 76}, {';', '=', '0', 0x0f, 37}, {';', '=', '0', 0x0f, 104},
}

const (
	endSentinel = '?'
	// unreadable stands alone between the sentinels of a track that the reader could not read.
	unreadable = 'E'
	// thirdStart is what readers type for track 3: on the card it begins like track 2.
	thirdStart = '+'
)

// has says whether a track of this coding can carry the character as data.
func (c coding) has(char byte) bool {
	return char >= c.base && char-c.base <= c.mask && char != c.start && char != endSentinel
}

// parseTracks cuts what a reader types for one card: up to three tracks one after the other, each
// from its start sentinel to its end sentinel, and its check character if lrc says so. The error is
// a Drop: the text is no stripe. What is wrong with one track stands in that track.
func parseTracks(text []byte, lrc bool) (s stripe, err error) {
	if len(text) == 0 {
		return s, DropStripe
	}
	for len(text) > 0 {
		n := s.begins(text[0])
		if n < 0 {
			return stripe{}, DropStripe
		}
		end := bytes.IndexByte(text, endSentinel)
		if end < 0 {
			return stripe{}, DropStripe
		}
		t := cut(codings[n], text[1:end])
		text = text[end+1:]
		if lrc {
			if len(text) == 0 {
				return stripe{}, DropStripe
			}
			t.check(codings[n], text[0])
			text = text[1:]
		}
		s[n] = t
	}
	return s, nil
}

// begins says which track a character begins, or -1. Each comes once, in order.
func (s stripe) begins(char byte) int {
	later := s[2].seen
	switch {
	case char == codings[0].start && !s[0].seen && !s[1].seen && !later:
		return 0
	case char == codings[1].start && !s[1].seen && !later:
		return 1
	case (char == thirdStart || char == codings[2].start) && !later:
		return 2
	}
	return -1
}

// cut checks the data of a track.
func cut(c coding, data []byte) track {
	t := track{data: data, seen: true}
	if len(data) == 1 && data[0] == unreadable {
		t.drop = DropUnreadable
		return t
	}
	if len(data) > c.full {
		t.drop = DropStripe
	}
	for _, char := range data {
		if !c.has(char) {
			t.drop = DropStripe
		}
	}
	return t
}

// check compares the check character: the exclusive or of every character of the track, sentinels
// included (ISO/IEC 7811-2 section 6.3.5). Its own parity bit is not among those that are typed. A
// reader gives no true one with a track that it could not read.
func (t *track) check(c coding, typed byte) {
	sum := (c.start - c.base) ^ (endSentinel - c.base)
	for _, char := range t.data {
		sum ^= char - c.base
	}
	if t.drop == "" && sum&c.mask != typed-c.base {
		t.drop = DropLRC
	}
}

// part is one of the fields of a track, from 1, or all of it. Track 1 begins with a format code: of
// a bank's card it is a B before the account's digits (ISO/IEC 7813 section 6), and no field.
func (t track) part(number, n int) []byte {
	if n == 0 {
		return t.data
	}
	data := t.data
	if number == 1 && len(data) > 1 && data[0] == 'B' && data[1] >= '0' && data[1] <= '9' {
		data = data[1:]
	}
	parts := bytes.Split(data, []byte{codings[number-1].separator})
	if n > len(parts) {
		return nil
	}
	return parts[n-1]
}
