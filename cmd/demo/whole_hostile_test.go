package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/porter/portertest"
)

// crowd is how many connections come that say nothing.
const crowd = 10_000

// TestWholeCrowd: thousands of connections that say nothing, on each socket of the desk, keep
// nobody from its pages, and the verifier from no token.
func TestWholeCrowd(t *testing.T) {
	portertest.NeedsCrowd(t, crowd)
	w := unlocked(t, settings{site: "um"})
	page := func(l net.Listener) func() {
		return func() { answers(t, "http://"+l.Addr().String()+"/") }
	}
	for name, socket := range map[string]struct {
		address string
		serves  func()
	}{
		"screen": {w.screen.Addr().String(), page(w.screen)},
		"view":   {w.self.Addr().String(), page(w.self)},
		"feed":   {w.feed.Addr().String(), func() { w.lend(w.person("CHAN"), w.key(17390102)) }},
		"admin":  {w.adminSocket(), w.obeys},
	} {
		t.Run(name, func(t *testing.T) {
			before := portertest.Descriptors(t)
			portertest.Crowd(t, socket.address, crowd)
			if held := portertest.Descriptors(t) - before - crowd; held > crowd/10 {
				t.Errorf("%d of the crowd are held", held)
			}
			socket.serves()
		})
	}
}

func (w *whole) adminSocket() string { return filepath.Join(w.settings.state, "desk", "admin.sock") }

// obeys asks as the operator, on a new connection.
func (w *whole) obeys() {
	w.t.Helper()
	began := time.Now()
	_, err := w.client().Status(w.t.Context())
	if took := time.Since(began); err != nil || took > time.Second {
		w.t.Errorf("the operator is answered after %v: %v", took, err)
	}
}

// answers asks for a page on a new connection.
func answers(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	began := time.Now()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if took := time.Since(began); took > time.Second || resp.StatusCode >= 500 {
		t.Errorf("%s after %v", resp.Status, took)
	}
}

// TestWholeAdminSocket: another user of the box gives no orders to the desk, neither by the
// socket's mode nor where the mode was widened.
func TestWholeAdminSocket(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um"}, nil)
	path := w.adminSocket()
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	asks := func() (status string) {
		conn, err := portertest.Dial(path)
		if err != nil {
			return "no connection"
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		req, _ := http.NewRequestWithContext(context.Background(), "GET", "http://desk/status", nil)
		if err := req.Write(conn); err != nil {
			return err.Error()
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		return resp.Status
	}
	for over := time.Now().Add(20 * time.Second); asks() != "200 OK"; {
		if time.Now().After(over) {
			t.Fatalf("the operator: %s", asks())
		}
		time.Sleep(5 * time.Millisecond)
	}
	for mode, want := range map[os.FileMode]string{0o600: "no connection", 0o666: "403 Forbidden"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		portertest.AsNobody(t, func() {
			if got := asks(); got != want {
				t.Errorf("nobody at a socket of mode %o: %s, want %s", mode, got, want)
			}
		})
	}
}
