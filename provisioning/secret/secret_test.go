package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

type holder struct {
	Seed   Seed
	hidden PIN
	Ptr    *AccessCode
	List   []OTP
	Any    any
}

func TestNothingPrints(t *testing.T) {
	raw := "31415926"
	code := NewAccessCode([]byte(raw))
	h := holder{NewSeed([]byte(raw)), NewPIN(raw), &code, []OTP{NewOTP(raw)}, NewKey([]byte(raw))}
	values := []any{h, &h, h.Seed, &h.Seed, h.hidden, h.Ptr, h.List, map[string]any{"k": h}}
	for _, verb := range strings.Split("v +v #v s q x X d o b c U t e g p T", " ") {
		for _, v := range values {
			out := fmt.Sprintf("%"+verb, v)
			assertClean(t, verb, out)
		}
	}
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "h", h, "s", h.Seed, "p", h.Ptr)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("m", "h", h, "s", h.Seed, "p", h.Ptr)
	assertClean(t, "slog text", text.String())
	assertClean(t, "slog json", js.String())
}

func assertClean(t *testing.T, how, out string) {
	t.Helper()
	for _, leak := range []string{"31415926", "3331343135393236", "51 49 52", "[51", "0x33, 0x31"} {
		if strings.Contains(out, leak) {
			t.Errorf("%s leaks: %q", how, out)
		}
	}
}

func TestNothingMarshals(t *testing.T) {
	s := NewSeed([]byte("12345678901234567890"))
	if _, err := json.Marshal(s); err == nil {
		t.Error("json marshalled a seed")
	}
	if err := gob.NewEncoder(&bytes.Buffer{}).Encode(s); err == nil {
		t.Error("gob encoded a seed")
	}
	if _, err := s.MarshalText(); err == nil {
		t.Error("text marshalled a seed")
	}
	if _, err := s.MarshalBinary(); err == nil {
		t.Error("binary marshalled a seed")
	}
}

func TestExposeCopiesAndWipeClears(t *testing.T) {
	s := NewSeed([]byte{1, 2, 3})
	s.Expose()[0] = 9
	if got := s.Expose(); !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("Expose gave the kept bytes away: %v", got)
	}
	s.Wipe()
	if got := s.Expose(); !bytes.Equal(got, make([]byte, 3)) {
		t.Errorf("Wipe left %v", got)
	}
}

func TestEqualAndZero(t *testing.T) {
	if !NewOTP("755224").Equal(NewOTP("755224")) || NewOTP("755224").Equal(NewOTP("755225")) {
		t.Error("OTP.Equal is wrong")
	}
	var none AccessCode
	if !none.IsZero() || none.Len() != 0 || NewAccessCode([]byte{0}).IsZero() {
		t.Error("IsZero is wrong")
	}
}
