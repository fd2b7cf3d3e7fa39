package wedge

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Layout says which characters the site's readers mean, by the character that the same key gives on
// a US keyboard: {"y": "z", "z": "y", "-": "ß"} is some of a German one. Keys are positions, so a
// reader that is set to another country's keyboard presses other keys for the same text. The zero
// value is the US keyboard.
type Layout map[string]string

// check refuses what is not one character for one character.
func (l Layout) check() error {
	for from, to := range l {
		if len(from) != 1 || !typeable[from[0]] {
			return fmt.Errorf("layout: %q is not one character of a US keyboard", from)
		}
		r, size := utf8.DecodeRuneInString(to)
		if size != len(to) || r == utf8.RuneError || !unicode.IsPrint(r) {
			return fmt.Errorf("layout: %q stands for %q, which is not one character", from, to)
		}
	}
	return nil
}

// typed appends what a key means.
func (l Layout) typed(text []byte, char byte) []byte {
	if to, ok := l[string(rune(char))]; ok {
		return append(text, to...)
	}
	return append(text, char)
}

// Key codes with a meaning of their own (include/uapi/linux/input-event-codes.h).
const (
	keyTab        = 15
	keyEnter      = 28
	keyLeftCtrl   = 29
	keyLeftShift  = 42
	keyRightShift = 54
	keyLeftAlt    = 56
	keyCapsLock   = 58
	keyNumLock    = 69
	keyKPEnter    = 96
	keyRightCtrl  = 97
	keyRightAlt   = 100
	keyLeftMeta   = 125
	keyRightMeta  = 126
)

// usKeys are the characters of a US keyboard by key code, plain and with shift. The keypad has one
// meaning: readers type on it as if the lock were on.
var usKeys = map[uint16][2]byte{
	2: {'1', '!'}, 3: {'2', '@'}, 4: {'3', '#'}, 5: {'4', '$'}, 6: {'5', '%'}, 7: {'6', '^'},
	8: {'7', '&'}, 9: {'8', '*'}, 10: {'9', '('}, 11: {'0', ')'}, 12: {'-', '_'}, 13: {'=', '+'},
	16: {'q', 'Q'}, 17: {'w', 'W'}, 18: {'e', 'E'}, 19: {'r', 'R'}, 20: {'t', 'T'}, 21: {'y', 'Y'},
	22: {'u', 'U'}, 23: {'i', 'I'}, 24: {'o', 'O'}, 25: {'p', 'P'}, 26: {'[', '{'}, 27: {']', '}'},
	30: {'a', 'A'}, 31: {'s', 'S'}, 32: {'d', 'D'}, 33: {'f', 'F'}, 34: {'g', 'G'}, 35: {'h', 'H'},
	36: {'j', 'J'}, 37: {'k', 'K'}, 38: {'l', 'L'}, 39: {';', ':'}, 40: {'\'', '"'}, 41: {'`', '~'},
	43: {'\\', '|'}, 44: {'z', 'Z'}, 45: {'x', 'X'}, 46: {'c', 'C'}, 47: {'v', 'V'}, 48: {'b', 'B'},
	49: {'n', 'N'}, 50: {'m', 'M'}, 51: {',', '<'}, 52: {'.', '>'}, 53: {'/', '?'}, 57: {' ', ' '},
	55: {'*', '*'}, 71: {'7', '7'}, 72: {'8', '8'}, 73: {'9', '9'}, 74: {'-', '-'}, 75: {'4', '4'},
	76: {'5', '5'}, 77: {'6', '6'}, 78: {'+', '+'}, 79: {'1', '1'}, 80: {'2', '2'}, 81: {'3', '3'},
	82: {'0', '0'}, 83: {'.', '.'}, 98: {'/', '/'}, 117: {'=', '='},
}

// typeable are the characters that the keyboard has.
var typeable = func() (all [256]bool) {
	for _, chars := range usKeys {
		all[chars[0]], all[chars[1]] = true, true
	}
	return all
}()
