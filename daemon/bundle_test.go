package daemon

import (
	"os"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// TestBundleOutlivesARestart: what reached the desk while it ran counts until an operator puts another
// file into place.
func TestBundleOutlivesARestart(t *testing.T) {
	c, path, card := newDesk(t)
	if _, err := Init(c, path, card); err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, config: c, client: NewClient(c.Admin)}
	p.config.FeedURL = "https://127.0.0.1:0"
	p.startDesk()
	first := p.desk.keys.Bundle()
	second := first
	second.NextFollowerPin = first.FollowerPin[2:] + "00"
	if _, err := p.desk.takeBundle(t.Context(), actorVerifier, second); err != nil {
		t.Fatal(err)
	}
	p.holds("the second", second)
	p.stopDesk()
	p.startDesk()
	p.holds("after a restart the second", second)
	if !p.desk.keys.Admits(second.NextFollowerPin) || !p.desk.keys.Admits(first.FollowerPin) ||
		p.desk.keys.Admits(card) {
		t.Error("the desk does not let in exactly the pins of its bundle")
	}
	p.stopDesk()
	writeBundle(t, c.Verifier)
	data, err := os.ReadFile(c.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	third, err := feed.DecodeBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"the file's", "after a restart the file's"} {
		p.startDesk()
		p.holds(when, third)
		p.stopDesk()
	}
}

func (p *pair) holds(what string, want feed.Bundle) {
	p.t.Helper()
	if got := p.desk.keys.Bundle(); got.Fingerprint() != want.Fingerprint() {
		p.t.Errorf("%s bundle is not in force", what)
	}
}
