package wedge

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// swipe lays a report out by the maker's table (MagTek 99875191 section 4).
func swipe(tracks ...string) []byte {
	report := make([]byte, 337)
	for i, track := range tracks {
		report[3+i] = byte(len(track))
		copy(report[7+110*i:], track)
	}
	return report
}

func TestStripeReport(t *testing.T) {
	failed := swipe("%AB?", ";12?")
	failed[1] = 1
	for _, tt := range []struct {
		name   string
		field  Field
		report []byte
		want   string
		drop   Drop
	}{
		{"with sentinels", Field{Track: 2, Part: 1}, swipe("%AB?", ";12=99?"), "12", ""},
		{"without", Field{Track: 2, Part: 1}, swipe("AB", "12=99"), "12", ""},
		{"track 3", Field{Track: 3}, swipe("", "", "+77?"), "77", ""},
		{"not read", Field{Track: 2}, failed, "", DropUnreadable},
		{"another not read", Field{Track: 1}, failed, "AB", ""},
		{"not on the card", Field{Track: 3}, swipe("AB", "12"), "", DropField},
		{"garbage", Field{Track: 2}, swipe("", "12\x0099"), "", DropStripe},
		{"nothing", Field{Track: 2}, swipe(), "", DropReport},
		{"short", Field{Track: 2}, swipe("", "12")[:336], "", DropReport},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := stripeSession{magtek, compile(t, tt.field)}
			got := s.report(tt.report)[0]
			var drop Drop
			if errors.As(got.err, &drop); drop != tt.drop || string(got.field) != tt.want {
				t.Errorf("%q, %v; want %q, %q", got.field, got.err, tt.want, tt.drop)
			}
		})
	}
}

func TestStripeLayoutCheck(t *testing.T) {
	if err := magtek.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*StripeLayout){
		"too big":      func(l *StripeLayout) { l.Size = 1025 },
		"too small":    func(l *StripeLayout) { l.Size = 336 },
		"no room":      func(l *StripeLayout) { l.Room = 0 },
		"two tracks":   func(l *StripeLayout) { l.Data = []int{7, 117} },
		"before":       func(l *StripeLayout) { l.Status = []int{0, -1, 2} },
		"behind":       func(l *StripeLayout) { l.Length = []int{3, 4, 337} },
		"data outside": func(l *StripeLayout) { l.Data = []int{7, 117, 228} },
	} {
		l := magtek
		if spoil(&l); l.check() == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// label lays a scanner's report out.
func label(text string, more bool) []byte {
	report := make([]byte, 64)
	report[0], report[1] = 2, byte(len(text))
	copy(report[2:], "]C0"+text)
	if more {
		report[63] = 1
	}
	return report
}

func TestLabelReports(t *testing.T) {
	long := strings.Repeat("7", 58)
	for _, tt := range []struct {
		name    string
		reports [][]byte
		want    string
		drop    Drop
	}{
		{"one", [][]byte{label("S12", false)}, "12", ""},
		{"two", [][]byte{label("S"+long[:55], true), label("89", false)}, long[:55] + "89", ""},
		{"another label", [][]byte{label("X12", false)}, "", DropField},
		{"another report", [][]byte{append([]byte{3}, label("S12", false)[1:]...)}, "", DropReport},
		{"longer than its room", [][]byte{append([]byte{2, 59}, label("S12", false)[2:]...)}, "",
			DropReport},
		{"too long", [][]byte{label(long, true), label(long, true), label(long, true), label(long, true),
			label(long, true), label(long, false)}, "", DropLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := labelSession{layout: scanner, rule: compile(t, Field{Pattern: "S([0-9]+)"})}
			var got []outcome
			for _, r := range tt.reports {
				got = append(got, s.report(r)...)
			}
			var drop Drop
			if len(got) != 1 || errors.As(got[0].err, &drop) && drop != tt.drop ||
				string(got[0].field) != tt.want {
				t.Errorf("%v; want %q, %q", got, tt.want, tt.drop)
			}
		})
	}
	if err := scanner.check(); err != nil {
		t.Error(err)
	}
	if (LabelLayout{Size: 64, Data: 63, More: 5}).check() == nil {
		t.Error("text behind its end is taken")
	}
}

// FuzzReports: the law is that whatever a HID reader sends gives nothing, or a field that stands in
// its report and is written as tracks are.
func FuzzReports(f *testing.F) {
	f.Add(swipe("%AB?", ";12=99?"), 2)
	f.Add(label("S12", true), 1)
	f.Add([]byte{0, 0, 0, 0, 4, 0, 4, 0}, 3)
	f.Fuzz(func(t *testing.T, report []byte, number int) {
		rule, err := Field{Track: number, Part: 1}.Compile()
		if err != nil {
			return
		}
		sent := bytes.Clone(report)
		stripes := stripeSession{magtek, rule}
		labels := labelSession{layout: scanner, rule: rule}
		typing := newTypingSession(Settings{Pause: DefaultPause}, rule)
		all := append(stripes.report(bytes.Clone(report)), labels.report(bytes.Clone(report))...)
		for _, o := range append(all, labels.quiet()...) {
			if (o.err == nil) != (len(o.field) > 0) || !bytes.Contains(sent, o.field) {
				t.Fatalf("%q with %v", o.field, o.err)
			}
			for _, char := range o.field {
				if !codings[number-1].has(char) {
					t.Fatalf("%q is not written as track %d", o.field, number)
				}
			}
		}
		for ; len(report) >= bootReport; report = report[bootReport:] {
			for _, o := range typing.report(bytes.Clone(report[:bootReport])) {
				if len(o.raw) > maxScan || (o.err == nil) != (len(o.field) > 0) {
					t.Fatalf("%q with %v", o.field, o.err)
				}
			}
		}
	})
}
