package wedge

import "time"

// maxScan bounds a scan: three full tracks of a stripe are 226 characters.
const maxScan = 300

// DefaultPause ends a scan that nothing else ends. Readers leave 1 to 50 ms between two keys.
const DefaultPause = 120 * time.Millisecond

// event is one key that went down or up, by the kernel's clock.
type event struct {
	code uint16
	down bool
	at   time.Duration
}

// scan is what was typed between two ends, or why it is none. Whoever gets it wipes it.
type scan struct {
	text []byte
	drop Drop
}

// assembly makes scans of keys. A scan ends with Enter or Tab, or with a pause.
type assembly struct {
	layout Layout
	pause  time.Duration

	text  []byte
	drop  Drop // why the scan at hand will be none
	begun bool
	last  time.Duration
	shift uint8 // one bit a key
}

// newAssembly begins at a time when the reader may be in the middle of typing.
func newAssembly(layout Layout, pause, now time.Duration) *assembly {
	a := &assembly{layout: layout, pause: pause, text: make([]byte, 0, maxScan)}
	a.torn(now)
	return a
}

// torn says that keys before now were not seen: what is typed until the next pause is no scan.
func (a *assembly) torn(now time.Duration) {
	a.begun, a.drop, a.last, a.shift = true, DropTorn, now, 0
}

// take takes one key and returns the scan that it ended, or that had ended by a pause before it.
func (a *assembly) take(e event) (scan, bool) {
	before, ended := a.quiet(e.at)
	if a.modifier(e) || !e.down {
		a.last = e.at
		return before, ended
	}
	if e.code == keyEnter || e.code == keyKPEnter || e.code == keyTab {
		if ended {
			return before, true // its own end, late
		}
		return a.end()
	}
	a.begun, a.last = true, e.at
	a.press(e.code)
	return before, ended
}

// quiet is told that nothing was typed until now, and returns the scan that ended by that.
func (a *assembly) quiet(now time.Duration) (scan, bool) {
	if !a.begun || now-a.last < a.pause {
		return scan{}, false
	}
	return a.end()
}

// end closes the scan at hand. A lone Enter is none, and neither is silence.
func (a *assembly) end() (scan, bool) {
	s := scan{text: a.text, drop: a.drop}
	empty := len(a.text) == 0 && a.drop == "" || a.drop == DropTorn && len(a.text) == 0
	a.text, a.drop, a.begun = make([]byte, 0, maxScan), "", false
	if s.drop != "" {
		clear(s.text)
		s.text = nil
	}
	return s, !empty
}

// press adds a character, or spoils the scan.
func (a *assembly) press(code uint16) {
	chars, known := usKeys[code]
	switch {
	case !known:
		a.spoil(DropKeys)
	case len(a.text) >= maxScan-4: // one character of any alphabet
		a.spoil(DropLong)
	case a.shift != 0:
		a.text = a.layout.typed(a.text, chars[1])
	default:
		a.text = a.layout.typed(a.text, chars[0])
	}
}

// spoil keeps the first reason. The text is kept for its length only, until the scan ends.
func (a *assembly) spoil(why Drop) {
	if a.drop == "" {
		a.drop = why
	}
	clear(a.text)
}

// modifier follows the shift keys. Other modifiers make commands of keys, not text. The locks mean
// nothing here: readers that press them do so around their text, to know where they are.
func (a *assembly) modifier(e event) bool {
	switch e.code {
	case keyLeftShift, keyRightShift:
		bit := uint8(1)
		if e.code == keyRightShift {
			bit = 2
		}
		a.shift &^= bit
		if e.down {
			a.shift |= bit
		}
	case keyCapsLock, keyNumLock:
	case keyLeftCtrl, keyRightCtrl, keyLeftAlt, keyRightAlt, keyLeftMeta, keyRightMeta:
		if e.down {
			a.begun = true
			a.spoil(DropKeys)
		}
	default:
		return false
	}
	return true
}
