package erasure

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokendesk/tokendesk/provisioning"
)

// words are how a text can name a person, in lower case.
type words []string

// shortest is how many letters of a Latin word say something about one person.
const shortest = 4

func wordsOf(p provisioning.Person) words {
	var w words
	for _, word := range []string{string(p.ID), p.Name, p.Native, p.Account, p.Card, p.Mail, p.Phone,
		strings.ReplaceAll(p.Card, " ", "")} {
		word = strings.ToLower(strings.TrimSpace(word))
		if utf8.RuneCountInString(word) >= shortest || word != "" && !plain(word) {
			w = append(w, word)
		}
	}
	return w
}

// plain: nothing but ASCII, where two or three letters stand in many a word.
func plain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// in says whether a text names the person: a number or a name that stands alone, or, in a script
// without spaces, anywhere.
func (w words) in(text string) bool {
	text = strings.ToLower(text)
	for _, word := range w {
		for rest := text; ; {
			at := strings.Index(rest, word)
			if at < 0 {
				break
			}
			before, _ := utf8.DecodeLastRuneInString(rest[:at])
			after, _ := utf8.DecodeRuneInString(rest[at+len(word):])
			if !plain(word) || !letter(before) && !letter(after) {
				return true
			}
			rest = rest[at+len(word):]
		}
	}
	return false
}

// letter: a word that goes on is another word. Only ASCII counts: a row is stored with lengths
// between its fields.
func letter(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
