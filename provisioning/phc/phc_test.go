package phc

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func TestHash(t *testing.T) {
	r, right := NewHasher(), secret.NewPassword("correct horse")
	h, err := r.New(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	read, ok := Parse(h.String())
	if !ok || read.String() != h.String() {
		t.Fatalf("written as %s, read as %s", h, read)
	}
	for text, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
		got, err := r.Matches(t.Context(), read, secret.NewPassword(text))
		if err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	if again := New(right); again.String() == h.String() {
		t.Error("two hashes have one salt")
	}
	if got, err := r.Matches(t.Context(), Nobody(), right); got || err != nil {
		t.Errorf("nobody's: %v %v", got, err)
	}
}

// A place that does not come free is waited for no longer than the caller wants.
func TestNoPlace(t *testing.T) {
	r := NewHasher()
	for range atOnce {
		r.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Matches(ctx, Nobody(), secret.NewPIN("271828")); !errors.Is(err, context.Canceled) {
		t.Errorf("without a place: %v", err)
	}
}

// FuzzParse: what is taken for a hash costs no more than it may, and is written as it was read.
func FuzzParse(f *testing.F) {
	f.Add(Nobody().String())
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AA$AA")
	f.Fuzz(func(t *testing.T, text string) {
		h, ok := Parse(text)
		if !ok {
			return
		}
		if h.memory > maxMemoryKiB || h.passes > maxPasses || len(h.key) != keyLen {
			t.Errorf("%q is taken for a hash", text)
		}
		again, ok := Parse(h.String())
		if !ok || again.String() != h.String() || !strings.HasPrefix(h.String(), "$argon2id$") {
			t.Errorf("%q is read as %s, and that as %s", text, h, again)
		}
	})
}
