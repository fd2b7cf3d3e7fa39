package yubikey

import "slices"

// Key codes of the USB HID Usage Tables, page 0x07 (keyboard/keypad).
const (
	keyErrorLast   = 0x03 // 1 to 3 report an error such as too many keys, not a key
	keyRow1        = 0x1e
	keyRow0        = 0x27
	keyEnter       = 0x28
	keyKeypadEnter = 0x58
	keyKeypad1     = 0x59
	keyKeypad0     = 0x62
)

// shiftBits are the two shift keys in the modifier byte (HID 1.11 section 8.3). A token whose scan
// codes were set for a French keyboard types digits with shift.
const shiftBits = 0x02 | 0x20

// digitOf is the digit a key types: the top row and the keypad both count 1 to 9 and then 0.
func digitOf(key byte) (digit byte, ok bool) {
	switch {
	case key >= keyRow1 && key < keyRow0:
		return '1' + key - keyRow1, true
	case key >= keyKeypad1 && key < keyKeypad0:
		return '1' + key - keyKeypad1, true
	case key == keyRow0 || key == keyKeypad0:
		return '0', true
	}
	return 0, false
}

// line collects the digits of one line from boot keyboard reports (HID 1.11 appendix B): modifiers,
// a reserved byte, up to six keys that are down. A key counts when it goes down.
type line struct {
	want   int
	digits []byte
	// over counts the digits beyond want.
	over int
	down [6]byte
}

// newLine expects a line of want digits.
func newLine(want int) *line { return &line{want: want, digits: make([]byte, 0, want)} }

// feed takes one report and says whether it ended a line of exactly the digits wanted. Any other
// line, and any key that is no digit, starts it over.
func (l *line) feed(report []byte) (complete bool) {
	if len(report) < 3 {
		return false
	}
	modifiers, keys := report[0], report[2:min(len(report), reportSize)]
	if slices.ContainsFunc(keys, func(k byte) bool { return k > 0 && k <= keyErrorLast }) {
		return false // the keys are not known; those that were down still are
	}
	before := l.down
	l.down = [6]byte{}
	copy(l.down[:], keys)
	for i, key := range keys {
		if key == 0 || slices.Contains(before[:], key) || slices.Contains(keys[:i], key) {
			continue
		}
		if l.press(key, modifiers) {
			return true
		}
	}
	return false
}

func (l *line) press(key, modifiers byte) (complete bool) {
	digit, isDigit := digitOf(key)
	switch {
	case modifiers&^shiftBits != 0:
		l.restart()
	case key == keyEnter || key == keyKeypadEnter:
		if l.full() {
			return true
		}
		l.restart()
	case !isDigit:
		l.restart()
	case len(l.digits) == l.want:
		l.over++
	default:
		l.digits = append(l.digits, digit)
	}
	return false
}

// full says whether exactly the digits wanted were typed so far.
func (l *line) full() bool { return len(l.digits) == l.want && l.over == 0 }

// restart forgets the digits; the keys that are down stay known.
func (l *line) restart() {
	clear(l.digits)
	l.digits, l.over = l.digits[:0], 0
}
