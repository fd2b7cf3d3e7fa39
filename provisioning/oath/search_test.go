package oath

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Search finds exactly what Find finds in the codes of the library.
func TestSearchIsFindOverCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := secret.NewSeed(rapid.SliceOfN(rapid.Byte(), 16, 32).Draw(t, "seed"))
		counter := rapid.Uint64().Draw(t, "counter")
		digits := rapid.IntRange(6, 8).Draw(t, "digits")
		n := rapid.IntRange(1, 30).Draw(t, "n")
		codes, err := Codes(seed, counter, n+5, digits)
		if err != nil {
			t.Fatal(err)
		}
		typed := codes[rapid.IntRange(0, n+4).Draw(t, "typed")]
		want, wantOK := Find(codes[:n], typed)
		got, ok, err := Search(seed, counter, n, digits, typed)
		if err != nil || got != want || ok != wantOK {
			t.Fatalf("Search says %d, %v (%v), Find says %d, %v", got, ok, err, want, wantOK)
		}
	})
}

func TestSearchTakesDigitsOnly(t *testing.T) {
	for _, typed := range []string{"", "75522", "7552240", "75522a", "75522\x00", "-55224", "755 24"} {
		if at, ok, err := Search(rfcSeed(), 0, 10, 6, secret.NewOTP(typed)); ok || at != 0 || err != nil {
			t.Errorf("%q was found at %d, %v, %v", typed, at, ok, err)
		}
	}
	if _, _, err := Search(rfcSeed(), 0, 1, 9, secret.NewOTP("755224")); err == nil {
		t.Error("9 digits were accepted")
	}
}

func BenchmarkSearch1000(b *testing.B) {
	for b.Loop() {
		_, _, _ = Search(rfcSeed(), 1<<40, 1000, 6, secret.NewOTP("000000"))
	}
}
