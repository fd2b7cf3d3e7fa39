package kiosk

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFields is more than any page's form has.
const maxFields = 64

// tidy says whether a form may be one of a page of ours: few fields, each once, each of them text. A
// password is whatever somebody made it.
func tidy(form url.Values) bool {
	if len(form) > maxFields {
		return false
	}
	for name, values := range form {
		if len(values) != 1 || !plain(name) || name != "password" && !plain(values[0]) {
			return false
		}
	}
	return true
}

// plain says whether text holds nothing that a keyboard does not make: no broken UTF-8, no control but
// the end of a line and a tab.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' && c != '\r' && c != '\t'
	})
}

// straighten takes out what makes text read in another order than it is stored in (Unicode Standard
// Annex 9, section 2): a name or a note must not look like another one.
func straighten(form url.Values) {
	for name, values := range form {
		if name == "password" {
			continue
		}
		for i, text := range values {
			values[i] = strings.Map(func(c rune) rune {
				if unicode.Is(unicode.Bidi_Control, c) {
					return -1
				}
				return c
			}, text)
		}
	}
}
