package oath

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Expected gives exactly the codes of the library.
func TestExpectedIsCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := secret.NewSeed(rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "seed"))
		counter := rapid.Uint64().Draw(t, "counter")
		digits := rapid.IntRange(6, 8).Draw(t, "digits")
		want, err := Codes(seed, counter, 3, digits)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Expected(seed, counter, 3, digits)
		if err != nil || len(got) != 3 {
			t.Fatal(len(got), err)
		}
		for i := range want {
			if !got[i].Equal(want[i]) || got[i].Len() != digits {
				t.Fatalf("code %d is %s, the library says %s", i, got[i].Expose(), want[i].Expose())
			}
		}
	})
}

func TestExpectedOfRFC4226(t *testing.T) {
	codes, err := Expected(rfcSeed(), 0, 10, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range rfc {
		if got := string(codes[i].Expose()); got != want {
			t.Errorf("counter %d: got %s, want %s", i, got, want)
		}
	}
	for _, digits := range []int{5, 9} {
		if _, err := Expected(rfcSeed(), 0, 1, digits); err == nil {
			t.Errorf("%d digits were accepted", digits)
		}
	}
	for _, size := range []int{0, 15, 65} {
		if _, err := Expected(secret.NewSeed(make([]byte, size)), 0, 1, 6); err == nil {
			t.Errorf("a seed of %d bytes was accepted", size)
		}
	}
}
