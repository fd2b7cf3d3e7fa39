package feed_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// restoreCard is a good one, with the key its proof is checked with.
func restoreCard(t testing.TB) (feed.RestoreCard, note.Verifier, note.Signer) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "desk1")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	c := feed.RestoreCard{Version: feed.Version, Feed: strings.Repeat("2", 32), Epoch: 1,
		From: strings.Repeat("1", 32), Size: 7, Root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		Card: feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
			FeedURL: "https://desk1.example.edu:8443", LogKey: public, TLSPin: strings.Repeat("0f", 32)}}
	if err := c.Sign(signer); err != nil {
		t.Fatal(err)
	}
	return c, key, signer
}

// TestRestoreProof: nothing in a restore card can be changed after it was proven.
func TestRestoreProof(t *testing.T) {
	good, key, _ := restoreCard(t)
	if err := good.Proved(key); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*feed.RestoreCard){
		"feed":    func(c *feed.RestoreCard) { c.Feed = strings.Repeat("3", 32) },
		"from":    func(c *feed.RestoreCard) { c.From = strings.Repeat("3", 32) },
		"epoch":   func(c *feed.RestoreCard) { c.Epoch++ },
		"size":    func(c *feed.RestoreCard) { c.Size-- },
		"root":    func(c *feed.RestoreCard) { c.Root = "57DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
		"desk":    func(c *feed.RestoreCard) { c.Card.Desk = "desk2" },
		"site":    func(c *feed.RestoreCard) { c.Card.Site = "unimas" },
		"address": func(c *feed.RestoreCard) { c.Card.FeedURL += "0" },
		"log key": func(c *feed.RestoreCard) { c.Card.LogKey += "x" },
		"pin":     func(c *feed.RestoreCard) { c.Card.TLSPin = strings.Repeat("0e", 32) },
		"proof":   func(c *feed.RestoreCard) { c.Proof = bytes.ToUpper(c.Proof) },
	} {
		c := good
		change(&c)
		if err := c.Proved(key); !errors.Is(err, feed.ErrRestoreProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrappedKey(t *testing.T) {
	private, public, err := feed.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	key := secret.NewKey(bytes.Repeat([]byte{7}, 32))
	wrapped, err := feed.WrapKey(public, key, []byte("facts"))
	if err != nil || len(wrapped) != 32+feed.WrapOverhead {
		t.Fatalf("%d bytes, %v", len(wrapped), err)
	}
	got, err := feed.UnwrapKey(private, wrapped, []byte("facts"))
	if err != nil || !bytes.Equal(got.Expose(), key.Expose()) {
		t.Errorf("unwrapped: %v", err)
	}
	if _, err := feed.UnwrapKey(private, wrapped, []byte("other")); !errors.Is(err, feed.ErrWrapped) {
		t.Errorf("other facts: %v", err)
	}
	if _, err := feed.UnwrapKey(private, wrapped[:feed.WrapOverhead], nil); !errors.Is(err,
		feed.ErrWrapped) {
		t.Errorf("cut short: %v", err)
	}
	if err := feed.CheckPublic(public[1:]); err == nil {
		t.Error("half a key is one")
	}
}

// FuzzDecodeRestoreCard: what decodes encodes to something that decodes the same.
func FuzzDecodeRestoreCard(f *testing.F) {
	c, _, _ := restoreCard(f)
	data, err := c.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := feed.DecodeRestoreCard(data)
		if err != nil {
			return
		}
		line, err := first.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := feed.DecodeRestoreCard(line)
		if err != nil || again.Feed != first.Feed || again.Card != first.Card ||
			!bytes.Equal(again.Proof, first.Proof) {
			t.Fatalf("%+v became %+v, %v", first, again, err)
		}
	})
}

// FuzzDecodeTold: what decodes as rows or as a halt means the same when it is sent on, and holds no
// more than its bounds.
func FuzzDecodeTold(f *testing.F) {
	id := strings.Repeat("ab", 16)
	for _, v := range []any{
		feed.Rows{Feed: "f", Done: true, Erasures: []string{"p"}, Rows: []feed.KnownRow{{
			Kind: feed.KindSeed, Credential: id, State: feed.KnownActive, User: "kim", Serial: "1",
			Next: 7, Issued: time.Unix(1, 0).UTC()}}},
		feed.Halt{Feed: "f", Reason: feed.HaltRestored, At: time.Unix(1, 0).UTC(), Detail: "d"},
	} {
		data, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if rows, err := feed.DecodeRows(data); err == nil {
			line, err := json.Marshal(rows)
			again, err2 := feed.DecodeRows(line)
			if err != nil || err2 != nil || len(again.Rows) != len(rows.Rows) ||
				len(rows.Rows) > feed.MaxRows || again.Done != rows.Done {
				t.Fatalf("rows: %v, %v", err, err2)
			}
		}
		if halt, err := feed.DecodeHalt(data); err == nil {
			line, err := json.Marshal(halt)
			again, err2 := feed.DecodeHalt(line)
			if err != nil || err2 != nil || again.Reason != halt.Reason || again.Feed != halt.Feed {
				t.Fatalf("halt: %v, %v", err, err2)
			}
		}
	})
}
