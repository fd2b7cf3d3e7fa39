package feed

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// holders makes a bundle and the two private halves behind it.
func holders(t testing.TB) (Bundle, *Opener, *Opener) {
	t.Helper()
	b := Bundle{Version: Version, Name: "test", FollowerPin: strings.Repeat("ab", 32)}
	var openers []*Opener
	for _, public := range []*[]byte{&b.VerifierKey, &b.EscrowKey} {
		private, pub, err := GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		opener, err := NewOpener(private)
		if err != nil {
			t.Fatal(err)
		}
		*public, openers = pub, append(openers, opener)
	}
	return b, openers[0], openers[1]
}

func someRecord() Record {
	return Record{ID: strings.Repeat("1a", 16), Desk: "desk1", Credential: strings.Repeat("2b", 16),
		At: time.Date(2026, 11, 22, 9, 30, 0, 123456789, time.FixedZone("MST", 8*3600)), Synced: true}
}

func sealed(t testing.TB, b Bundle) (seed, proof Record) {
	t.Helper()
	sealer, err := NewSealer(b)
	if err != nil {
		t.Fatal(err)
	}
	if seed, err = sealer.SealSeed(someRecord(), someSeed()); err != nil {
		t.Fatal(err)
	}
	if proof, err = sealer.SealProof(someRecord(), someProof()); err != nil {
		t.Fatal(err)
	}
	return seed, proof
}

func TestBothHoldersOpen(t *testing.T) {
	bundle, verifier, escrow := holders(t)
	seed, proof := sealed(t, bundle)
	if err := errors.Join(seed.Check(), proof.Check()); err != nil {
		t.Error(err)
	}
	if len(seed.Sealed) != sealedSize || len(proof.Sealed) != sealedSize {
		t.Errorf("sealed sizes %d and %d, want %d", len(seed.Sealed), len(proof.Sealed), sealedSize)
	}
	for name, opener := range map[string]*Opener{"verifier": verifier, "escrow": escrow} {
		if got, err := opener.OpenSeed(seed); err != nil || !sameSeed(got, someSeed()) {
			t.Errorf("%s: seed: %v", name, err)
		}
		if got, err := opener.OpenProof(proof); err != nil || len(got.OTPs) != 2 {
			t.Errorf("%s: proof: %v", name, err)
		}
		if _, err := opener.OpenProof(seed); !errors.Is(err, ErrSealed) {
			t.Errorf("%s opened a seed as a proof: %v", name, err)
		}
	}
	_, stranger, _ := holders(t)
	if _, err := stranger.OpenSeed(seed); !errors.Is(err, ErrSealed) {
		t.Errorf("a stranger opened it: %v", err)
	}
}

func TestFactsAreBound(t *testing.T) {
	bundle, verifier, _ := holders(t)
	seed, _ := sealed(t, bundle)
	for name, change := range map[string]func(*Record){
		"id":         func(r *Record) { r.ID = strings.Repeat("9", 32) },
		"desk":       func(r *Record) { r.Desk = "desk2" },
		"kind":       func(r *Record) { r.Kind = KindProof },
		"credential": func(r *Record) { r.Credential = strings.Repeat("9", 32) },
		"state":      func(r *Record) { r.State = StateRevoked },
		"time":       func(r *Record) { r.At = r.At.Add(time.Millisecond) },
		"synced":     func(r *Record) { r.Synced = false },
		"body":       func(r *Record) { r.Sealed[keyIDSize+encSize+5] ^= 1 },
		"enc":        func(r *Record) { r.Sealed[1+keyIDSize] ^= 1 },
		"version":    func(r *Record) { r.Sealed[0]++ },
		"short":      func(r *Record) { r.Sealed = r.Sealed[:sealedSize-1] },
		"empty":      func(r *Record) { r.Sealed = nil },
	} {
		rec := seed
		rec.Sealed = bytes.Clone(seed.Sealed)
		change(&rec)
		if _, err := verifier.OpenSeed(rec); !errors.Is(err, ErrSealed) {
			t.Errorf("%s changed, and it opened: %v", name, err)
		}
	}
}

func TestSealNormalisesTheTime(t *testing.T) {
	bundle, _, _ := holders(t)
	seed, _ := sealed(t, bundle)
	want := time.Date(2026, 11, 22, 1, 30, 0, 123000000, time.UTC)
	if seed.At != want {
		t.Errorf("At is %v, want %v", seed.At, want)
	}
}

func TestSealRefuses(t *testing.T) {
	bundle, _, _ := holders(t)
	sealer, err := NewSealer(bundle)
	if err != nil {
		t.Fatal(err)
	}
	wrong := someRecord()
	wrong.Kind = KindState
	if _, err := sealer.SealSeed(wrong, someSeed()); err == nil {
		t.Error("a state record was sealed")
	}
	if _, err := sealer.SealProof(someRecord(), ProofBody{}); !errors.Is(err, ErrBody) {
		t.Errorf("an empty proof: %v", err)
	}
	if _, err := NewOpener(secret.NewKey([]byte("short"))); err == nil {
		t.Error("a short key was accepted")
	}
	bundle.EscrowKey = bundle.VerifierKey
	if _, err := NewSealer(bundle); err == nil {
		t.Error("one key for both holders was accepted")
	}
}

// Opening never panics, whatever the desk put in.
func FuzzOpen(f *testing.F) {
	bundle, verifier, _ := holders(f)
	seed, proof := sealed(f, bundle)
	f.Add(seed.Sealed)
	f.Add(proof.Sealed)
	f.Fuzz(func(t *testing.T, box []byte) {
		rec := seed
		rec.Sealed = box
		body, err := verifier.OpenSeed(rec)
		if err == nil && !sameSeed(body, someSeed()) {
			t.Fatal("another body opened")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	bundle, _, _ := holders(b)
	sealer, err := NewSealer(bundle)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := sealer.SealSeed(someRecord(), someSeed()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	bundle, verifier, _ := holders(b)
	seed, _ := sealed(b, bundle)
	for b.Loop() {
		if _, err := verifier.OpenSeed(seed); err != nil {
			b.Fatal(err)
		}
	}
}
