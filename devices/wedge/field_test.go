package wedge

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func compile(t testing.TB, f Field) *Rule {
	t.Helper()
	r, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExtract(t *testing.T) {
	card := Field{Pattern: "S([0-9]{8})X?"}
	// The second track is the example of ISO/IEC 7813; its check characters were worked out by hand.
	const bank = "%B4444333322221111^DOE/J^2912101?;4444333322221111=2912101?"
	for _, tt := range []struct {
		name  string
		field Field
		text  string
		want  string
		drop  Drop
	}{
		{"pattern", card, "S12345678", "12345678", ""},
		{"pattern with an end", card, "S12345678X", "12345678", ""},
		{"more in front", card, "9S12345678", "", DropField},
		{"more behind", card, "S123456789", "", DropField},
		{"two lines", card, "S12345678\nS12345678", "", DropField},
		{"nothing", card, "", "", DropField},
		{"alternatives are anchored", Field{Pattern: "(A1)|B2"}, "B2x", "", DropField},
		{"an empty group", Field{Pattern: "A([0-9]*)"}, "A", "", DropField},
		{"too long", Field{Pattern: "([0-9]+)"}, strings.Repeat("1", 301), "", DropLong},

		{"track 1, account", Field{Track: 1, Part: 1}, bank, "4444333322221111", ""},
		{"track 1, name", Field{Track: 1, Part: 2}, bank, "DOE/J", ""},
		{"track 1, all", Field{Track: 1}, bank, "B4444333322221111^DOE/J^2912101", ""},
		{"track 2", Field{Track: 2, Part: 1}, bank, "4444333322221111", ""},
		{"track 2, no such part", Field{Track: 2, Part: 3}, bank, "", DropField},
		{"no track 3", Field{Track: 3}, bank, "", DropField},
		{"a letter that is no format", Field{Track: 1, Part: 1}, "%BOB^2?", "BOB", ""},
		{"track 3 as typed", Field{Track: 3, Part: 2}, ";1?+01=77?", "77", ""},
		{"track 3 as on the card", Field{Track: 3, Part: 1}, ";1?;01=77?", "01", ""},
		{"track 2 alone", Field{Track: 2, Part: 1}, ";00123=?", "00123", ""},
		{"an empty track", Field{Track: 2}, ";?", "", DropField},
		{"not read", Field{Track: 2}, "%AB?;E?", "", DropUnreadable},
		{"another one not read", Field{Track: 2}, "%E?;12?", "12", ""},
		{"no end", Field{Track: 2}, ";12", "", DropStripe},
		{"no begin", Field{Track: 2}, "12?", "", DropStripe},
		{"letters on track 2", Field{Track: 2}, ";1A?", "", DropStripe},
		{"lower case on track 1", Field{Track: 1}, "%a?", "", DropStripe},
		{"out of order", Field{Track: 2}, ";12?%AB?", "", DropStripe},
		{"something behind", Field{Track: 2}, ";12?x", "", DropStripe},
		{"longer than a track", Field{Track: 2}, ";" + strings.Repeat("1", 38) + "?", "", DropStripe},

		// ; 1 2 3 ? is 11^1^2^3^15 = 4; % A B ? is 05^33^34^31 = 25, which is the character 9.
		{"check character", Field{Track: 2, LRC: true}, ";123?4", "123", ""},
		{"check characters", Field{Track: 2, LRC: true}, "%AB?9;123?4", "123", ""},
		{"wrong check character", Field{Track: 2, LRC: true}, ";123?5", "", DropLRC},
		{"digit misread", Field{Track: 2, LRC: true}, ";133?4", "", DropLRC},
		{"check character missing", Field{Track: 2, LRC: true}, ";123?", "", DropStripe},
		{"check character not expected", Field{Track: 2}, ";123?4", "", DropStripe},
		{"check character like a sentinel", Field{Track: 2, LRC: true}, ";4?0", "4", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := compile(t, tt.field).Extract([]byte(tt.text))
			var drop Drop
			if errors.As(err, &drop); drop != tt.drop || string(got) != tt.want {
				t.Errorf("%q, %v; want %q, %q", got, err, tt.want, tt.drop)
			}
		})
	}
}

func TestFieldCompile(t *testing.T) {
	for _, f := range []Field{{}, {Pattern: "(a)", Track: 1}, {Pattern: "a"}, {Pattern: "(a)(b)"},
		{Pattern: "("}, {Pattern: "(a)", Part: 1}, {Pattern: "(a)", LRC: true}, {Track: 4},
		{Track: -1}, {Track: 2, Part: -1}} {
		if _, err := f.Compile(); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

// FuzzExtract: the law is that a scan gives exactly the configured field or nothing: what comes out
// stands in the scan, between a sentinel or a separator on either side, and is written as the track
// is; and what was cut into tracks is the scan again when it is put together.
func FuzzExtract(f *testing.F) {
	for _, text := range []string{"%B4444333322221111^DOE/J^2912101?;4444333322221111=2912101?",
		";123?4", "+01=77?", ";1?;2?", "%E?;E?+E?", "S12345678", "?"} {
		f.Add(text, 2, 1, false)
		f.Add(text, 1, 0, true)
	}
	f.Fuzz(func(t *testing.T, text string, number, part int, lrc bool) {
		rule, err := Field{Track: number, Part: part, LRC: lrc}.Compile()
		if err != nil {
			return
		}
		got, err := rule.Extract([]byte(text))
		if (err == nil) == (len(got) == 0) {
			t.Fatalf("%q with %v", got, err)
		}
		if err != nil {
			return
		}
		tracks, err := parseTracks([]byte(text), lrc)
		if err != nil {
			t.Fatal(err)
		}
		whole := tracks[number-1]
		framed := regexp.MustCompile(`(^|[=^B])` + regexp.QuoteMeta(string(got)) + `([=^]|$)`)
		if !framed.Match(whole.data) || len(whole.data) > codings[number-1].full {
			t.Fatalf("%q is no field of track %d of %q", got, number, text)
		}
		plus := strings.NewReplacer("+", ";") // what begins track 3 is typed in two ways
		if again := joined(tracks); !lrc && plus.Replace(again) != plus.Replace(text) {
			t.Fatalf("%q was cut into %q", text, again)
		}
	})
}

// joined puts a stripe together as it stands on the card.
func joined(s stripe) (text string) {
	for i, t := range s {
		if t.seen {
			text += string(codings[i].start) + string(t.data) + "?"
		}
	}
	return text
}
