package devices

import (
	"strings"
	"unicode"
)

// maxLabel is how many characters of a name are shown.
const maxLabel = 48

// Label is what may be shown of a text that a device says of itself. A device that lies may say
// anything: what is no letter, mark, digit, sign or space is left out, and so is what turns the order of
// letters around, so that it can be taken for nothing else on a screen or in a journal.
func Label(text string) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.Fields(strings.ToValidUTF8(text, "")) {
		word = strings.Map(func(c rune) rune {
			if !unicode.IsPrint(c) || unicode.Is(unicode.Bidi_Control, c) {
				return -1
			}
			return c
		}, word)
		if word == "" {
			continue
		}
		if n > 0 {
			word = " " + word
		}
		for _, c := range word {
			if n++; n > maxLabel {
				return strings.TrimRight(b.String(), " ")
			}
			b.WriteRune(c)
		}
	}
	return b.String()
}
