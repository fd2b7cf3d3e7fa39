package main

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// TestRenew reaches a running daemon whose verifier is away.
func TestRenew(t *testing.T) {
	b := newBox(t, "")
	b.init("made its empty store")
	b.start()
	said := b.works("", "keys are files on this disk: a stolen disk opens the store", "status")

	// Encrypted ones lie there, too: the daemon loaded the plain ones.
	if err := os.Mkdir(b.path("sealed"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"desk-key", "site-secret"} {
		b.write("sealed/"+name, "not what the daemon loaded")
	}
	before := b.read("credentials/desk-key")
	said += b.works("", "the key of the desk is renewed", "renew", "desk")
	if b.read("credentials/desk-key") == before {
		t.Error("the key of the desk is the old one")
	}
	said += b.works("", "generation 2 of the site secret is in force", "renew", "site-secret")
	said += b.works("", "copy "+b.path("credentials/site-secret")+" to the other desks", "renew", "site-secret")
	b.fails("", "generation 3 is the current one", "renew", "site-secret", "--retire", "3")
	said += b.works("", "generation 1 of the site secret is given up", "renew", "site-secret", "--retire", "1")
	if text := b.read("credentials/site-secret"); strings.HasPrefix(text, "1 ") ||
		!strings.Contains(text, "2 ") {
		t.Error("the file does not hold the generations that are left")
	}

	for _, name := range []string{"desk-key", "site-secret"} {
		if b.read("sealed/"+name) != "not what the daemon loaded" {
			t.Errorf("the encrypted %s was written", name)
		}
	}

	for _, what := range []string{"feed", "log"} {
		b.fails("", "run the same command again when it is back", "renew", what, "--wait", "0s")
	}
	b.write("now.json", strings.Repeat("of another time ", 100))
	if err := os.Symlink("now.json", b.path("out")); err != nil {
		t.Fatal(err)
	}
	b.works("", "", "card", b.path("now.json"))
	b.works("", "", "card", b.path("out"))
	if info, err := os.Lstat(b.path("out")); err != nil || info.Mode().IsRegular() {
		t.Errorf("what was no file is one: %v", err)
	}
	card, err := feed.DecodeDeskCard([]byte(b.read("now.json")))
	if err != nil || card.NextTLSPin == "" || card.NextLogKey == "" || card.Desk != "icto-1" {
		t.Errorf("the card of a desk that renews its keys: %+v, %v", card, err)
	}
	b.hides(said)
}

// TestRenewBundle: an operator gives the desk the bundle of another verifier, as often as they
// like.
func TestRenewBundle(t *testing.T) {
	b := newBox(t, "")
	b.init("made its empty store")
	other, err := verifier.Init(verifier.Plan{Dir: b.path("rebuilt"), Name: "rebuilt",
		Hosts: []string{"127.0.0.1"}, Escrow: b.path("escrow2.key")})
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	b.fails("", "read a verifier bundle", "renew", "bundle", b.path("people.csv"))
	b.works("", other.Fingerprint(), "renew", "bundle", b.path("rebuilt/bundle.json"))
	b.works("", other.Fingerprint(), "renew", "bundle", b.path("rebuilt/bundle.json"))
}

func (b *box) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// hides fails if what was said holds a key of the desk.
func (b *box) hides(said string) {
	b.t.Helper()
	for _, name := range []string{"desk-key", "site-secret", "log-key", "feed-key"} {
		for _, word := range strings.Fields(b.read("credentials/" + name)) {
			raw, err := base64.StdEncoding.DecodeString(word)
			secret := err == nil && len(raw) >= 32 || strings.HasPrefix(word, "PRIVATE+KEY")
			if secret && strings.Contains(said, word) {
				b.t.Errorf("a line of %s was printed", name)
			}
		}
	}
}
