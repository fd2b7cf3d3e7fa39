package feed

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func someSeed() SeedBody {
	return SeedBody{User: "mc12345", Site: "um", Vendor: "yubikey", Serial: "12345678",
		Seed: secret.NewSeed([]byte("12345678901234567890")), Digits: 6, Counter: 7}
}

func someProof() ProofBody {
	return ProofBody{OTPs: []secret.OTP{secret.NewOTP("755224"), secret.NewOTP("287082")}}
}

func sameSeed(a, b SeedBody) bool {
	sameSecret := bytes.Equal(a.Seed.Expose(), b.Seed.Expose())
	a.Seed, b.Seed = secret.Seed{}, secret.Seed{}
	return sameSecret && a.User == b.User && a.Site == b.Site && a.Vendor == b.Vendor &&
		a.Serial == b.Serial && a.Digits == b.Digits && a.Counter == b.Counter
}

func TestBodiesRoundTrip(t *testing.T) {
	encoded, err := someSeed().encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeSeed(encoded)
	if err != nil || !sameSeed(got, someSeed()) {
		t.Errorf("seed body came back as %+v, %v", got, err)
	}
	proof, err := someProof().encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeProof(proof)
	if err != nil || len(back.OTPs) != 2 || !back.OTPs[1].Equal(secret.NewOTP("287082")) {
		t.Errorf("proof body came back as %v, %v", back, err)
	}
	if len(encoded) != len(proof) {
		t.Errorf("a seed takes %d bytes and a proof %d: the size tells which", len(encoded), len(proof))
	}
}

func TestBodiesThatDoNotEncode(t *testing.T) {
	change := func(f func(*SeedBody)) SeedBody {
		b := someSeed()
		f(&b)
		return b
	}
	for name, b := range map[string]SeedBody{
		"no user":      change(func(b *SeedBody) { b.User = "" }),
		"long user":    change(func(b *SeedBody) { b.User = strings.Repeat("u", maxUser+1) }),
		"no site":      change(func(b *SeedBody) { b.Site = "" }),
		"no serial":    change(func(b *SeedBody) { b.Serial = "" }),
		"no seed":      change(func(b *SeedBody) { b.Seed = secret.Seed{} }),
		"five digits":  change(func(b *SeedBody) { b.Digits = 5 }),
		"nine digits":  change(func(b *SeedBody) { b.Digits = 9 }),
		"large vendor": change(func(b *SeedBody) { b.Vendor = strings.Repeat("v", maxVendor+1) }),
	} {
		if _, err := b.encode(); !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v", name, err)
		}
	}
	three := ProofBody{OTPs: make([]secret.OTP, 3)}
	for _, p := range []ProofBody{{}, three, {OTPs: []secret.OTP{{}}}} {
		if _, err := p.encode(); !errors.Is(err, ErrBody) {
			t.Errorf("a proof of %d OTPs: %v", len(p.OTPs), err)
		}
	}
}

func TestLongestBodyFits(t *testing.T) {
	b := SeedBody{User: strings.Repeat("u", maxUser), Site: strings.Repeat("s", maxSite),
		Vendor: strings.Repeat("v", maxVendor), Serial: strings.Repeat("n", maxSerial),
		Seed: secret.NewSeed(bytes.Repeat([]byte{9}, maxSeed)), Digits: 8, Counter: 1<<64 - 1}
	encoded, err := b.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeSeed(encoded); err != nil || !sameSeed(got, b) {
		t.Errorf("the longest body came back as %+v, %v", got, err)
	}
}

// What decodes encodes to the same bytes: one body, one encoding.
func FuzzSeedBody(f *testing.F) {
	encoded, _ := someSeed().encode()
	f.Add(encoded)
	f.Add([]byte{tagSeed})
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := decodeSeed(data)
		if err != nil {
			return
		}
		again, err := body.encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x decodes, and encodes to %x, %v", data, again, err)
		}
	})
}

func FuzzProofBody(f *testing.F) {
	encoded, _ := someProof().encode()
	f.Add(encoded)
	f.Add([]byte{tagProof, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := decodeProof(data)
		if err != nil {
			return
		}
		again, err := body.encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x decodes, and encodes to %x, %v", data, again, err)
		}
	})
}
