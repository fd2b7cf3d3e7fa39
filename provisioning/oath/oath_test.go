package oath

import (
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The vectors of RFC 4226 appendix D.
var rfc = []string{"755224", "287082", "359152", "969429", "338314",
	"254676", "287922", "162583", "399871", "520489"}

func rfcSeed() secret.Seed { return secret.NewSeed([]byte("12345678901234567890")) }

func TestRFC4226(t *testing.T) {
	codes, err := Codes(rfcSeed(), 0, 10, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range rfc {
		if got := string(codes[i].Expose()); got != want {
			t.Errorf("counter %d: got %s, want %s", i, got, want)
		}
	}
	eight, err := Codes(rfcSeed(), 7, 1, 8)
	if err != nil || string(eight[0].Expose()) != "82162583" {
		t.Errorf("8 digits at counter 7: %v, %v", eight, err)
	}
}

func TestBadLengths(t *testing.T) {
	if _, err := Codes(rfcSeed(), 0, 1, 5); err == nil {
		t.Error("5 digits were accepted")
	}
	if _, err := Codes(secret.NewSeed([]byte("short")), 0, 1, 6); err == nil {
		t.Error("a 5-byte seed was accepted")
	}
}

func TestFind(t *testing.T) {
	codes, _ := Codes(rfcSeed(), 0, 10, 6)
	for i, code := range rfc {
		if at, ok := Find(codes, secret.NewOTP(code)); !ok || at != i {
			t.Errorf("%s found at %d, %v", code, at, ok)
		}
	}
	if _, ok := Find(codes, secret.NewOTP("000000")); ok {
		t.Error("found what is not there")
	}
	if at, ok := FindPair(codes, codes[4], codes[5]); !ok || at != 4 {
		t.Errorf("pair found at %d, %v", at, ok)
	}
	if _, ok := FindPair(codes, codes[4], codes[6]); ok {
		t.Error("a pair that does not follow was accepted")
	}
}
