package daemon

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// TestBundleOutlivesARestart: what reached the desk while it ran counts until an operator puts
// another file into place.
func TestBundleOutlivesARestart(t *testing.T) {
	c, path, card := newDesk(t)
	if _, err := Init(c, path, card); err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, config: c, clock: trustedClock{}, client: NewClient(c.Admin)}
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

// TestBundleNeedsTheSealingKey: whoever has the follower's certificate alone cannot have the desk
// seal to a key of their own.
func TestBundleNeedsTheSealingKey(t *testing.T) {
	p := newPair(t, nil)
	p.until("the desk holds the bundle", func() bool {
		return !p.status().Desks[0].Seen.IsZero()
	})
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.dir, "follower.crt"),
		filepath.Join(p.dir, "follower.key"))
	if err != nil {
		t.Fatal(err)
	}
	card := p.deskCard()
	thief := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: feed.ClientTLS(pair, card.TLSPin)}}
	private, public, err := feed.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	forged := p.verifier.InForce()
	forged.VerifierKey = public
	opener, err := feed.NewOpener(private)
	if err != nil {
		t.Fatal(err)
	}
	before := p.desk.keys.Bundle().Fingerprint()
	for name, prove := range map[string]func(feed.BundleState) feed.BundleOrder{
		"no proof": func(feed.BundleState) feed.BundleOrder {
			data, _ := forged.Encode()
			return feed.BundleOrder{Bundle: data}
		},
		"proof by another key": func(asked feed.BundleState) feed.BundleOrder {
			asked.Key = feed.KeyID(public)
			order, err := opener.Prove(asked, forged)
			if err != nil {
				t.Error(err)
			}
			return order
		},
	} {
		if status := p.putBundle(thief, prove); status != http.StatusBadRequest {
			t.Errorf("%s: the desk answered %d", name, status)
		}
	}
	if p.desk.keys.Bundle().Fingerprint() != before {
		t.Error("the desk seals to a thief's key")
	}
}

// putBundle asks the desk what it takes to replace its bundle, and tries.
func (p *pair) putBundle(c *http.Client, prove func(feed.BundleState) feed.BundleOrder) int {
	p.t.Helper()
	do := func(method string, body []byte) ([]byte, int) {
		req, err := http.NewRequest(method, p.config.FeedURL+feed.PathBundle, bytes.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			p.t.Fatal(err)
		}
		return data, resp.StatusCode
	}
	data, _ := do(http.MethodGet, nil)
	asked, err := feed.DecodeBundleState(data)
	if err != nil {
		p.t.Fatal(err)
	}
	body, err := json.Marshal(prove(asked))
	if err != nil {
		p.t.Fatal(err)
	}
	_, status := do(http.MethodPut, body)
	return status
}
