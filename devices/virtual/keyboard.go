package virtual

import (
	"strings"
	"time"
)

// reportTime is the poll interval of the keyboard endpoint: one report a poll.
const reportTime = 10 * time.Millisecond

// ticketDelay is what the two delay flags of a ticket insert (ykdef.h: TKTFLAG_APPEND_DELAY).
const ticketDelay = 500 * time.Millisecond

// scanAlphabet are the characters of a scan map, in its order; Enter is the newline.
const scanAlphabet = modhex + "CBDEFGHIJKLNRTUV" + "0123456789!\t\n"

// deliveredMap are their codes on a US keyboard (HID usage page 07); the high bit is Shift.
var deliveredMap = [len(scanAlphabet)]byte{
	0x06, 0x05, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x15, 0x17, 0x18, 0x19,
	0x86, 0x85, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x91, 0x95, 0x97, 0x98, 0x99,
	0x27, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x9e, 0x2b, 0x28,
}

// Key codes outside the scan map.
const (
	keyA       = 0x04
	keypadOne  = 0x59
	keypadZero = 0x62
	scanShift  = 0x80
	leftShift  = 0x02
)

// A stroke is one key pressed and released after a pause.
type stroke struct {
	char  byte
	pause time.Duration
}

// timedReport is a keyboard report and when it is due.
type timedReport struct {
	at     time.Time
	report [reportSize]byte
}

// ticket is everything a touch types: the flags put tabs, pauses and Enter around id and otp.
func (c config) ticket(id, otp string) []stroke {
	var strokes []stroke
	pause := time.Duration(0)
	add := func(text string) {
		for i := range len(text) {
			strokes = append(strokes, stroke{char: text[i], pause: pause})
			pause = 0
		}
	}
	when := func(flag byte, text string) {
		if c.tkt&flag != 0 {
			add(text)
		}
	}
	when(tktTabFirst, "\t")
	add(id)
	when(tktTabAfterID, "\t")
	if c.tkt&tktDelayID != 0 {
		pause = ticketDelay
	}
	add(otp)
	if c.tkt&tktDelayOTP != 0 {
		pause = ticketDelay
	}
	when(tktTabAtEnd, "\t")
	when(tktAppendCR, "\n")
	return strokes
}

// pacing is the time between two reports.
func (c config) pacing() time.Duration {
	interval := reportTime
	if c.cfg&cfgPacing10 != 0 {
		interval += 10 * time.Millisecond
	}
	if c.cfg&cfgPacing20 != 0 {
		interval += 20 * time.Millisecond
	}
	return interval
}

// press is the boot keyboard report of one character (HID 1.11 appendix B): modifiers, a reserved
// byte, six key codes.
func (m *memory) press(char byte, keypad bool) [reportSize]byte {
	code := m.scanCode(char, keypad)
	report := [reportSize]byte{2: code &^ scanShift}
	if code&scanShift != 0 {
		report[0] = leftShift
	}
	return report
}

func (m *memory) scanCode(char byte, keypad bool) byte {
	switch {
	case keypad && char == '0':
		return keypadZero
	case keypad && char >= '1' && char <= '9':
		return keypadOne + char - '1'
	case char == 'a':
		return keyA
	}
	i := strings.IndexByte(scanAlphabet, char)
	if m.scanMap != nil {
		return m.scanMap[i]
	}
	return deliveredMap[i]
}

// enqueue schedules the reports of the strokes, a press and a release each, behind what is still
// being typed.
func (k *Key) enqueue(c config, strokes []stroke, now time.Time) {
	at := now
	if n := len(k.typing); n > 0 && k.typing[n-1].at.After(now) {
		at = k.typing[n-1].at
	}
	interval := c.pacing() + k.fault.Slow
	for _, s := range strokes {
		at = at.Add(interval + s.pause)
		press := k.memory.press(s.char, c.ext&extKeypad != 0)
		k.typing = append(k.typing, timedReport{at: at, report: press})
		at = at.Add(interval)
		k.typing = append(k.typing, timedReport{at: at})
	}
}
