package devices

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLabel(t *testing.T) {
	for text, want := range map[string]string{
		"YubiKey OTP+FIDO+CCID":     "YubiKey OTP+FIDO+CCID",
		" two\t\nlines\x00 \x1b[2J": "two lines [2J",
		"\u202eyeKibuY\u2066":       "yeKibuY",
		"陳樂晴 \xff":                  "陳樂晴",
		strings.Repeat("x", 500):    strings.Repeat("x", maxLabel),
		"\u200b\u0000":              "",
	} {
		if got := Label(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// FuzzLabel: a label is bounded, of printing characters, in one line, and its own label.
func FuzzLabel(f *testing.F) {
	f.Add("a\u202eb  c\x00")
	f.Fuzz(func(t *testing.T, text string) {
		got := Label(text)
		if Label(got) != got || !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxLabel ||
			strings.ContainsFunc(got, func(c rune) bool {
				return !unicode.IsPrint(c) || unicode.Is(unicode.Bidi_Control, c)
			}) || strings.TrimSpace(got) != got {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
