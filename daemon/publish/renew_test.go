package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

// renewing is keys that a test changes.
type renewing struct {
	bundle  feed.Bundle
	said    string
	changed chan struct{}
}

func (r *renewing) Announced() ([]byte, <-chan struct{}) { return []byte(r.said), r.changed }
func (r *renewing) Taken(int64)                          {}
func (r *renewing) Bundle() feed.Bundle                  { return r.bundle }
func (r *renewing) TakeBundle(_ context.Context, b feed.Bundle) (int64, error) {
	r.bundle = b
	return 7, nil
}
func (r *renewing) Admits(pin string) bool {
	return slices.Contains(r.bundle.FollowerPins(), pin)
}

// TestPinIsAskedAtEveryCall: a pin that was dropped after the handshake is refused at the next
// call, and a long poll ends when there is news of keys, or does not begin when they came between
// two polls.
func TestPinIsAskedAtEveryCall(t *testing.T) {
	holders, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	cert, pin, err := feedtest.Certificate("follower", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	keys := &renewing{bundle: holders.Bundle, said: "first", changed: make(chan struct{})}
	keys.bundle.OldFollowerPin = pin
	server, err := New(Config{Source: desk, Acks: desk, Meta: desk.Meta, Renewals: keys})
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader("{}"))
		r.Header.Set("Prefer", "wait=20")
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert.Leaf}}
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		return w
	}
	poll := func(want string) {
		t.Helper()
		begun := time.Now()
		page, err := feed.DecodePage(call(http.MethodGet, feed.PathRecords+"?after=0").Body.Bytes())
		if err != nil || string(page.Keys) != want || time.Since(begun) > 10*time.Second {
			t.Errorf("the long poll ended after %v with %+v, %v", time.Since(begun), page, err)
		}
	}
	poll("first")
	keys.said = "second"
	poll("second")
	time.AfterFunc(10*time.Millisecond, func() { close(keys.changed) })
	poll("second")
	for path, want := range map[string]int{"GET " + feed.PathBundle: 200, "PUT " + feed.PathBundle: 400,
		"POST " + feed.PathBundle: 405, "GET " + feed.PathMeta: 200} {
		method, at, _ := strings.Cut(path, " ")
		if w := call(method, at); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	keys.bundle.OldFollowerPin = ""
	if w := call(http.MethodGet, feed.PathMeta); w.Code != http.StatusForbidden {
		t.Errorf("a pin that was dropped: %d", w.Code)
	}
	if got := server.Follower(); got == nil || feed.Pin(got) != pin {
		t.Error("the server does not know who called")
	}
}
