package wedge

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// typist makes the events of typing, as a reader does.
type typist struct {
	at    time.Duration
	every time.Duration
	down  []event
}

func newTypist() *typist { return &typist{at: time.Hour, every: 5 * ms} }

func (y *typist) key(code uint16, down bool) *typist {
	y.at += y.every
	y.down = append(y.down, event{code, down, y.at})
	return y
}

func (y *typist) stroke(code uint16) *typist { return y.key(code, true).key(code, false) }

func (y *typist) wait(d time.Duration) *typist {
	y.at += d
	return y
}

// text types characters of a US keyboard; "\n" and "\t" are the keys.
func (y *typist) text(text string) *typist {
	for i := range len(text) {
		code, shift := strokeOf(text[i])
		if shift {
			y.key(keyLeftShift, true).stroke(code).key(keyLeftShift, false)
		} else {
			y.stroke(code)
		}
	}
	return y
}

func strokeOf(char byte) (code uint16, shift bool) {
	switch char {
	case '\n':
		return keyEnter, false
	case '\t':
		return keyTab, false
	}
	for code := range uint16(64) { // the main block only
		if usKeys[code][0] == char {
			return code, false
		} else if usKeys[code][1] == char {
			return code, true
		}
	}
	return keyUnknown, false
}

// assemble runs events through an assembly that began long before.
func assemble(layout Layout, events []event) (scans []string) {
	a := newAssembly(layout, DefaultPause, 0)
	add := func(s scan, ended bool) {
		switch {
		case !ended:
		case s.drop != "":
			scans = append(scans, "dropped: "+string(s.drop))
		default:
			scans = append(scans, string(s.text))
		}
	}
	var last time.Duration
	for _, e := range events {
		add(a.take(e))
		last = e.at
	}
	add(a.quiet(last + time.Hour))
	return scans
}

func TestAssembly(t *testing.T) {
	german := Layout{"y": "z", "z": "y", "Y": "Z", "-": "ß", "?": "_"}
	for _, tt := range []struct {
		name   string
		layout Layout
		typed  *typist
		want   []string
	}{
		{"enter ends", nil, newTypist().text("U1234\n"), []string{"U1234"}},
		{"tab ends", nil, newTypist().text("a\tB\t"), []string{"a", "B"}},
		{"a pause ends", nil, newTypist().text("12").wait(DefaultPause).text("34"), []string{"12", "34"}},
		{"less than a pause does not", nil, newTypist().text("12").wait(100 * ms).text("34\n"),
			[]string{"1234"}},
		{"enter after the pause is no scan", nil,
			newTypist().text("12").wait(time.Second).text("\n\n34\n"), []string{"12", "34"}},
		{"all the keys", nil, newTypist().text("`1234567890-=~!@#$%^&*()_+[]\\;',./{}|:\"<>? \n"),
			[]string{"`1234567890-=~!@#$%^&*()_+[]\\;',./{}|:\"<>? "}},
		// KEY_KP7 .. KEY_KPENTER by their numbers in input-event-codes.h.
		{"keypad", nil, newTypist().stroke(71).stroke(80).stroke(82).stroke(98).stroke(96),
			[]string{"720/"}},
		{"keypad under shift", nil, newTypist().key(54, true).stroke(71).key(54, false).stroke(96),
			[]string{"7"}},
		{"either shift", nil, newTypist().key(42, true).key(54, true).key(42, false).stroke(30).
			key(54, false).stroke(30).text("\n"), []string{"Aa"}},
		{"rolled over", nil, newTypist().key(2, true).key(3, true).key(2, false).key(3, false).
			text("\n"), []string{"12"}},
		{"the locks mean nothing", nil, newTypist().stroke(58).text("aB").stroke(69).text("\n"),
			[]string{"aB"}},
		{"another layout", german, newTypist().text("yzY-?x\n"), []string{"zyZß_x"}},
		{"control is no text", nil, newTypist().text("12").key(29, true).text("j").key(29, false).
			text("\n34\n"), []string{"dropped: " + string(DropKeys), "34"}},
		{"arrows are no text", nil, newTypist().text("1").stroke(103).text("\n"),
			[]string{"dropped: " + string(DropKeys)}},
		{"too long", nil, newTypist().text(strings.Repeat("7", 5000) + "\n34\n"),
			[]string{"dropped: " + string(DropLong), "34"}},
		{"releases keep a scan together", nil, newTypist().key(2, true).wait(70*ms).key(2, false).
			wait(70 * ms).text("3\n"), []string{"13"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, assemble(tt.layout, tt.typed.down)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAssemblyTorn: what was being typed when the reader was taken, or when events were lost, is no
// scan, however much it looks like one.
func TestAssemblyTorn(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  []string
	}{
		{"in the middle", 50 * ms, []string{"dropped: " + string(DropTorn), "5678"}},
		{"before", time.Second, []string{"1234", "5678"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			y := newTypist()
			a := newAssembly(nil, DefaultPause, y.at)
			y.wait(tt.after).text("1234\n5678\n")
			var got []string
			for _, e := range y.down {
				if s, ended := a.take(e); ended && s.drop != "" {
					got = append(got, "dropped: "+string(s.drop))
				} else if ended {
					got = append(got, string(s.text))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLayoutCheck(t *testing.T) {
	for _, bad := range []Layout{{"ab": "c"}, {"a": ""}, {"a": "bc"}, {"é": "a"}, {"a": "\n"},
		{"a": "\xff"}, {"\n": "a"}} {
		if bad.check() == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if err := (Layout{"y": "z", "?": "ß"}).check(); err != nil {
		t.Error(err)
	}
}

// FuzzAssembly: the law is that text comes through whatever pauses within it, that nothing is longer
// than a scan may be, and that garbage before it changes nothing.
func FuzzAssembly(f *testing.F) {
	f.Add([]byte{2, 130, 28, 156, 29}, "U1234", uint16(30))
	f.Add([]byte{42, 42, 200}, "%B12?;34?", uint16(119))
	f.Fuzz(func(t *testing.T, garbage []byte, text string, every uint16) {
		a := newAssembly(nil, DefaultPause, 0)
		y := newTypist()
		for _, b := range garbage { // any keys, down and up in any order
			y.wait(time.Duration(b)*ms).key(uint16(b&0x7f), b&0x80 == 0)
		}
		for _, e := range y.down {
			if s, ended := a.take(e); ended && (len(s.text) > maxScan || s.drop != "" && s.text != nil) {
				t.Fatalf("a scan of %d characters, dropped as %q", len(s.text), s.drop)
			}
		}
		// Then quiet, and no shift held.
		y.down = nil
		y.key(keyLeftShift, false).key(keyRightShift, false).wait(time.Second)
		y.every = time.Duration(every) % DefaultPause / ms * ms
		want := strings.Map(func(r rune) rune {
			if r < 0x80 && typeable[r] && r != 0 {
				return r
			}
			return -1
		}, text)
		var got []string
		for _, e := range y.text(want + "\n").down {
			if s, ended := a.take(e); ended && s.drop != DropLong && len(s.text) > 0 {
				got = append(got, string(s.text))
			}
		}
		switch last := len(got) - 1; {
		case want == "" || len(want) > maxScan-4:
		case last < 0 || got[last] != want:
			t.Fatalf("typed %q, got %q", want, got)
		}
	})
}
