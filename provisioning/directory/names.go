package directory

import (
	"strings"
	"unicode/utf8"
)

// maxQuery bounds what may be asked for, in bytes. Numbers and account names are far shorter.
const maxQuery = 128

// names compares what is asked for with what is stored. There are two forms, and a question finds
// somebody only if one of its forms equals the same form of a stored value:
//
//   - an account name, without spaces around it, a to z in either case, without a mail suffix the
//     site names (S9);
//   - a number (person, card, card UID): the same, and without the spaces, dashes and colons that
//     cards are printed with.
//
// Only ASCII letters are folded: a letter that merely looks like another one is another one.
type names struct{ strip []string }

// key is a question in its two forms; empty forms find nobody.
type key struct {
	typed, account, number string
}

// ask makes a key. What is too long, not UTF-8, or has control characters, is asked nowhere.
func (n names) ask(query string) (key, bool) {
	typed := strings.Trim(query, " \t\r\n")
	if typed == "" || len(typed) > maxQuery || !clean(typed) {
		return key{}, false
	}
	k := key{typed: typed, account: n.account(typed), number: n.number(typed)}
	return k, k.account != "" || k.number != ""
}

// clean reports valid text without control characters.
func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
	})
}

func (n names) account(s string) string {
	s = lower(strings.Trim(s, " \t\r\n"))
	for _, suffix := range n.strip {
		if suffix == "" {
			continue
		}
		if bare, ok := strings.CutSuffix(s, lower(suffix)); ok {
			return bare
		}
	}
	return s
}

func (n names) number(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-:", r) {
			return -1
		}
		return r
	}, n.account(s))
}

// lower folds A to Z.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// upper is the other way round.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r + 'A' - 'a'
		}
		return r
	}, s)
}

// finds reports whether a key finds a record, and whether it is a card's number that does.
func (n names) finds(k key, r Record) (found, byCard bool) {
	byCard = k.number != "" &&
		(k.number == n.number(r.Card) || k.number == n.number(r.CardUID))
	return byCard || n.claims(k, r), byCard
}

// claims reports whether a key is a record's account name or person number.
func (n names) claims(k key, r Record) bool {
	return k.account != "" && k.account == n.account(r.Account) ||
		k.number != "" && k.number == n.number(string(r.ID))
}
