package wedge

import (
	"bytes"
	"time"
)

// stripeSession reads cards: one report is one card.
type stripeSession struct {
	layout StripeLayout
	rule   *Rule
}

func (s *stripeSession) size() int              { return s.layout.Size }
func (s *stripeSession) mine(begin []byte) bool { return len(begin) > 0 }
func (s *stripeSession) quiet() []outcome       { return nil }
func (s *stripeSession) torn()                  {}

func (s *stripeSession) report(report []byte) []outcome {
	tracks, err := s.layout.decode(report)
	if err != nil {
		return []outcome{{raw: report, err: err}}
	}
	field, err := s.rule.fromTracks(tracks)
	return []outcome{{raw: report, field: field, err: err}}
}

// labelSession reads labels: one or several reports are one label.
type labelSession struct {
	layout LabelLayout
	rule   *Rule
	text   []byte
	drop   Drop
}

func (s *labelSession) size() int { return s.layout.Size }

// mine: a scanner has other reports, of other lengths and numbers.
func (s *labelSession) mine(begin []byte) bool {
	return len(begin) > 0 && begin[0] == s.layout.Number
}

// quiet: the rest of a label did not come.
func (s *labelSession) quiet() []outcome {
	if len(s.text) == 0 && s.drop == "" {
		return nil
	}
	return s.end(DropReport)
}

func (s *labelSession) torn() {}

func (s *labelSession) report(report []byte) []outcome {
	text, more, err := s.layout.decode(report)
	defer clear(report)
	if err != nil {
		return s.end(DropReport)
	}
	if len(s.text)+len(text) > maxScan {
		s.drop = DropLong
	} else {
		s.text = append(s.text, text...)
	}
	if more {
		return nil
	}
	return s.end(s.drop)
}

// end closes the label.
func (s *labelSession) end(drop Drop) []outcome {
	o := outcome{raw: s.text}
	s.text, s.drop = nil, ""
	if drop != "" {
		o.err = drop
		return []outcome{o}
	}
	o.field, o.err = s.rule.Extract(o.raw)
	return []outcome{o}
}

// typingSession reads the boot reports of a keyboard (HID 1.11 appendix B): eight modifiers, a
// reserved byte, and six keys that are down.
type typingSession struct {
	assembly *assembly
	rule     *Rule
	last     [bootReport]byte
	clock    func() time.Duration
}

const bootReport = 8

func newTypingSession(s Settings, rule *Rule) *typingSession {
	began := time.Now()
	return &typingSession{assembly: newAssembly(s.Layout, s.Pause, 0), rule: rule,
		clock: func() time.Duration { return time.Since(began) }}
}

func (s *typingSession) size() int              { return bootReport }
func (s *typingSession) mine(begin []byte) bool { return len(begin) > 0 }
func (s *typingSession) torn()                  { s.assembly.torn(s.clock()) }

func (s *typingSession) quiet() []outcome {
	return s.cut(s.assembly.quiet(s.clock()))
}

// report takes the keys that went down since the last report. One that says too many keys are down
// (usage 01) says nothing else.
func (s *typingSession) report(report []byte) []outcome {
	defer clear(report)
	now := s.clock()
	outcomes := s.cut(s.assembly.quiet(now))
	take := func(code uint16, down bool) {
		outcomes = append(outcomes, s.cut(s.assembly.take(event{code, down, now}))...)
	}
	if report[2] == 1 {
		take(keyUnknown, true)
		return outcomes
	}
	for bit, code := range bootModifiers {
		if was, is := s.last[0]>>bit&1 == 1, report[0]>>bit&1 == 1; was != is {
			take(code, is)
		}
	}
	for _, usage := range report[2:] {
		if usage != 0 && !bytes.Contains(s.last[2:], []byte{usage}) {
			take(keyOfUsage(usage), true)
		}
	}
	take(keyUnknown, false) // the time of a release counts, too
	copy(s.last[:], report)
	return outcomes
}

// cut takes the field out of a scan.
func (s *typingSession) cut(sc scan, ended bool) []outcome {
	if !ended {
		return nil
	}
	if sc.drop != "" {
		return []outcome{{raw: sc.text, err: sc.drop}}
	}
	field, err := s.rule.Extract(sc.text)
	return []outcome{{raw: sc.text, field: field, err: err}}
}

// keyUnknown is a key code that is nothing.
const keyUnknown = 0

// bootModifiers are the bits of the first byte, as key codes.
var bootModifiers = [8]uint16{keyLeftCtrl, keyLeftShift, keyLeftAlt, keyLeftMeta,
	keyRightCtrl, keyRightShift, keyRightAlt, keyRightMeta}

// usages are the key codes of the usages 04 to 39 and 53 to 63 (HID Usage Tables section 10; Linux
// drivers/hid/hid-input.c has the same table).
var (
	mainUsages = [...]uint16{
		30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17,
		45, 21, 44, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, keyEnter, 1, 14, keyTab, 57, 12, 13, 26, 27, 43,
		43, 39, 40, 41, 51, 52, 53, keyCapsLock,
	}
	padUsages = [...]uint16{
		keyNumLock, 98, 55, 74, 78, keyKPEnter, 79, 80, 81, 75, 76, 77, 71, 72, 73, 82, 83,
	}
)

// keyOfUsage is the key code of a usage, or one that is nothing.
func keyOfUsage(usage byte) uint16 {
	if i := int(usage) - 0x04; i >= 0 && i < len(mainUsages) {
		return mainUsages[i]
	}
	if i := int(usage) - 0x53; i >= 0 && i < len(padUsages) {
		return padUsages[i]
	}
	return keyUnknown
}
