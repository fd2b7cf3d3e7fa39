package feed_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

type logKey struct {
	signer   note.Signer
	verifier note.Verifier
	public   string
}

func newLogKey(t testing.TB, name string) logKey {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return logKey{signer, verifier, public}
}

func sign(t testing.TB, k feed.Keys, by ...note.Signer) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: k.Text()}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

var onePin, otherPin = strings.Repeat("0f", 32), strings.Repeat("a1", 32)

// TestOpenKeys: a new key is taken because a known one signed for it, and because it signed itself.
func TestOpenKeys(t *testing.T) {
	old, next, stranger := newLogKey(t, "desk1"), newLogKey(t, "desk1"), newLogKey(t, "desk1")
	k := feed.Keys{Origin: "desk1/f", Serial: 7, TLSPins: []string{onePin, otherPin},
		LogKeys: []string{old.public, next.public}}
	alone := k
	alone.LogKeys = []string{next.public}
	for name, c := range map[string]struct {
		keys   feed.Keys
		by     []note.Signer
		pinned []note.Verifier
		ok     bool
	}{
		"old and new signed":         {k, []note.Signer{old.signer, next.signer}, []note.Verifier{old.verifier}, true},
		"both are known":             {k, []note.Signer{old.signer, next.signer}, []note.Verifier{old.verifier, next.verifier}, true},
		"the old one is retired":     {alone, []note.Signer{next.signer}, []note.Verifier{old.verifier, next.verifier}, true},
		"the new one did not sign":   {k, []note.Signer{old.signer}, []note.Verifier{old.verifier}, false},
		"the known one did not sign": {k, []note.Signer{next.signer}, []note.Verifier{old.verifier}, false},
		"a stranger signed":          {alone, []note.Signer{stranger.signer}, []note.Verifier{old.verifier}, false},
		"a stranger's own key": {feed.Keys{Origin: "desk1/f", TLSPins: []string{onePin},
			LogKeys: []string{stranger.public}}, []note.Signer{stranger.signer}, []note.Verifier{old.verifier}, false},
	} {
		got, err := feed.OpenKeys(sign(t, c.keys, c.by...), c.pinned...)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, feed.ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && got.Text() != c.keys.Text() {
			t.Errorf("%s: %+v", name, got)
		}
	}
	signed := sign(t, k, old.signer, next.signer)
	changed := strings.Replace(string(signed), otherPin, strings.Repeat("b2", 32), 1)
	if _, err := feed.OpenKeys([]byte(changed), old.verifier); err == nil {
		t.Error("a changed announcement was taken")
	}
}

func TestRenewedCard(t *testing.T) {
	old, next := newLogKey(t, "desk1"), newLogKey(t, "desk1")
	card := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
		FeedURL: "https://desk1.example.edu:8443", LogKey: old.public, TLSPin: onePin}
	both := card.Renewed(feed.Keys{TLSPins: []string{onePin, otherPin},
		LogKeys: []string{old.public, next.public}})
	line, err := both.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := feed.DecodeDeskCard(line)
	if err != nil || read != both || len(read.TLSPins()) != 2 || !read.SignsWith(old.public) ||
		!read.SignsWith(next.public) {
		t.Errorf("%+v, %v", read, err)
	}
	after := both.Renewed(feed.Keys{TLSPins: []string{otherPin}, LogKeys: []string{next.public}})
	if after.NextTLSPin != "" || after.SignsWith(old.public) || after.TLSPins()[0] != otherPin {
		t.Errorf("%+v", after)
	}
	for _, bad := range []func(*feed.DeskCard){func(c *feed.DeskCard) { c.NextTLSPin = "xyz" },
		func(c *feed.DeskCard) { c.NextLogKey = "xyz" }} {
		c := card
		bad(&c)
		if _, err := c.Encode(); err == nil {
			t.Errorf("encoded %+v", c)
		}
	}
}

// What reads as an announcement is written as the same text again.
func FuzzKeys(f *testing.F) {
	a, b := newLogKey(f, "desk1"), newLogKey(f, "desk1")
	f.Add(feed.Keys{Origin: "desk1/f", Serial: 7, TLSPins: []string{onePin},
		LogKeys: []string{a.public}}.Text())
	f.Add(feed.Keys{Origin: "d/f", TLSPins: []string{onePin, otherPin},
		LogKeys: []string{a.public, b.public}}.Text())
	f.Add("token desk keys v1\n\n0\ntls \nlog \n")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := feed.ParseKeys(text)
		if err != nil {
			return
		}
		if k.Text() != text || len(k.TLSPins) > 2 || len(k.LogKeys) > 2 || k.Serial < 0 {
			t.Errorf("%q reads as %+v", text, k)
		}
	})
}

// TestChallenge: only the holder of the key that was asked can order another bundle, and only the
// one it made the proof for.
func TestChallenge(t *testing.T) {
	holders, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := feed.NewOpener(holders.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	escrow, err := feed.NewOpener(holders.Escrow)
	if err != nil {
		t.Fatal(err)
	}
	asked := func() (feed.Challenge, feed.BundleState) {
		c, err := feed.NewChallenge(holders.Bundle.VerifierKey)
		if err != nil {
			t.Fatal(err)
		}
		return c, feed.BundleState{Held: holders.Bundle.Fingerprint(),
			Key: feed.KeyID(holders.Bundle.VerifierKey), Challenge: c.Public}
	}
	challenge, state := asked()
	next := holders.Bundle
	next.NextFollowerPin = otherPin
	order, err := verifier.Prove(state, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := challenge.Check(order); err != nil {
		t.Errorf("the holder's order: %v", err)
	}
	other, _ := asked()
	forged := order
	forged.Bundle = append([]byte{}, order.Bundle...)
	forged.Bundle[20] ^= 1
	for name, err := range map[string]error{"another question": other.Check(order),
		"another bundle": challenge.Check(forged), "no question": feed.Challenge{}.Check(order)} {
		if !errors.Is(err, feed.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := escrow.Prove(state, next); err == nil {
		t.Error("a key that was not asked made a proof")
	}
	if o, err := escrow.With(verifier).Prove(state, next); err != nil || challenge.Check(o) != nil {
		t.Errorf("an older key of the same holder: %v", err)
	}
}

// What reads as an order or the state of a bundle holds a sound bundle, and lengths that are
// bounded.
func FuzzBundleOrder(f *testing.F) {
	holders, err := feedtest.NewHolders()
	if err != nil {
		f.Fatal(err)
	}
	line, err := holders.Bundle.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line, []byte(`{"bundle":"","proof":"AA=="}`))
	f.Add([]byte(`{"held":"00"}`), []byte(`{"held":"`+onePin+`","position":3}`))
	f.Fuzz(func(t *testing.T, bundle, message []byte) {
		if _, b, err := feed.DecodeBundleOrder(message); err == nil {
			if _, err := b.Encode(); err != nil {
				t.Errorf("an order holds a bundle that cannot be written: %v", err)
			}
		}
		if s, err := feed.DecodeBundleState(message); err == nil && (s.Position < 0 || len(s.Held) != 64) {
			t.Errorf("%+v", s)
		}
		if b, err := feed.DecodeBundle(bundle); err == nil && b.Fingerprint() == "" {
			t.Error("a bundle has no fingerprint")
		}
	})
}

// TestOpenersOfTwoGenerations: what is sealed to the old key and to the new one opens, until the
// old one is given up.
func TestOpenersOfTwoGenerations(t *testing.T) {
	old, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	next, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := feedtest.NewDesk("desk1", old.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	token := feedtest.NewToken("u")
	record := desk.SealSeed(token, desk.Body(token))
	a, err := feed.NewOpener(old.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	b, err := feed.NewOpener(next.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenSeed(record); !errors.Is(err, feed.ErrSealed) {
		t.Errorf("the new key alone: %v", err)
	}
	both := b.With(a)
	if _, err := both.OpenSeed(record); err != nil {
		t.Errorf("both keys: %v", err)
	}
	if feed.KeyID(both.Public()) != feed.KeyID(b.Public()) {
		t.Error("the opener of two keys is known by the old one")
	}
}
