package kiosk

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTidyForms(t *testing.T) {
	many := url.Values{}
	for i := range maxFields + 1 {
		many.Set(strings.Repeat("a", i+1), "1")
	}
	for body, want := range map[string]bool{
		"op=a&number=12":          true,
		"note=%E9%99%B3%0D%0Ab":   true,
		"password=%00%FF":         true,
		"":                        true,
		"op=a&op=a":               false,
		"note=a%00":               false,
		"note=%FF":                false,
		"note=%1B%5B2J":           false,
		"n%00=a":                  false,
		many.Encode():             false,
		strings.Repeat("a&", 100): false,
	} {
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		if got := tidy(form); got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
}

// TestFormsAreStraightened: what passes has only text; straightening it twice is straightening it once,
// takes out no more than what turns text around, and leaves passwords alone.
func TestFormsAreStraightened(t *testing.T) {
	values := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("a \u202e\u2066\u200f\x00\x1b")),
		0, 8, -1))
	rapid.Check(t, func(t *rapid.T) {
		form := url.Values{}
		for name, value := range rapid.MapOfN(rapid.SampledFrom([]string{"op", "note", "password", "k"}), values,
			0, 4).Draw(t, "form") {
			form.Set(name, value)
		}
		if !tidy(form) {
			return
		}
		before, secret := form.Encode(), form.Get("password")
		straighten(form)
		once := form.Encode()
		straighten(form)
		if diff := cmp.Diff(once, form.Encode()); diff != "" {
			t.Error(diff)
		}
		if form.Get("password") != secret {
			t.Error("a password was changed")
		}
		kept, _ := url.ParseQuery(before)
		for name := range kept {
			text := form.Get(name)
			if name == "password" {
				continue
			}
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool {
				return c == 0 || c == 0x1b || unicode.Is(unicode.Bidi_Control, c)
			}) {
				t.Errorf("%s still has %q", name, text)
			}
			want := strings.NewReplacer("\u200e", "", "\u200f", "", "\u061c", "", "\u202a", "", "\u202b", "",
				"\u202c", "", "\u202d", "", "\u202e", "", "\u2066", "", "\u2067", "", "\u2068", "",
				"\u2069", "").Replace(kept.Get(name))
			if text != want {
				t.Errorf("%q became %q", kept.Get(name), text)
			}
		}
	})
}
