package verifier_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/daemon/porter/portertest"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// served serves the API at an address.
func served(t testing.TB, r *rig) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, r, listener)
	return listener.Addr().String()
}

func serveOn(t testing.TB, r *rig, listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// asks calls the API and returns how long the answer took.
func asks(t testing.TB, c *http.Client, address string) time.Duration {
	t.Helper()
	began := time.Now()
	resp, err := c.Post("https://"+address+verifier.PathVerify, "application/json",
		strings.NewReader(body("nobody", secret.NewOTP("123456"))))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(answer), "accepted") {
		t.Errorf("an honest caller got %d %s, %v", resp.StatusCode, answer, err)
	}
	return time.Since(began)
}

// crowd is how many connections say nothing, and crowdMemory what the server may take for them.
const (
	crowd       = 10_000
	crowdMemory = 96 << 20
)

// Ten thousand connections that say nothing, from where the callers are, keep nobody out: an honest
// caller is answered within a second, on an old connection and on a new one, while they come and
// after; and they cost a bounded amount of memory.
func TestCrowdKeepsNobodyOut(t *testing.T) {
	portertest.NeedsCrowd(t, crowd)
	r := newRig(t)
	address := served(t, r)
	old := apiClient(t, r, "vpn", verifier.RoleVerify)
	asks(t, old, address)
	before := portertest.Used()
	var slowest time.Duration
	var callers sync.WaitGroup
	stop := make(chan struct{})
	callers.Go(func() {
		for {
			slowest = max(slowest, asks(t, old, address))
			select {
			case <-time.After(10 * time.Millisecond):
			case <-stop:
				return
			}
		}
	})
	portertest.Crowd(t, address, crowd)
	close(stop)
	callers.Wait()
	grown := int64(portertest.Used()) - int64(before)
	fresh := asks(t, apiClient(t, r, "web", verifier.RoleVerify), address)
	t.Logf("grown by %d KB; answers took at most %v while they came, %v after", grown>>10, slowest,
		fresh)
	if grown > crowdMemory {
		t.Errorf("the crowd costs %d bytes", grown)
	}
	if slowest > time.Second || fresh > time.Second {
		t.Errorf("an honest caller waited %v and %v", slowest, fresh)
	}
}

// The operator is heard past as many at the operator's own socket.
func TestCrowdAtTheOperatorsSocket(t *testing.T) {
	portertest.NeedsCrowd(t, crowd)
	r := newRig(t)
	path := filepath.Join(t.TempDir(), "admin.sock")
	admin := adminAt(t, r, path)
	before := portertest.Descriptors(t)
	portertest.Crowd(t, path, crowd)
	if held := portertest.Descriptors(t) - before - crowd; held > crowd/4 {
		t.Errorf("%d of the crowd are held", held)
	}
	began := time.Now()
	if _, err := admin.Status(); err != nil || time.Since(began) > time.Second {
		t.Errorf("the operator is answered after %v: %v", time.Since(began), err)
	}
}

// Who is no caller is not heard, whatever it shows.
func TestOnlyCallersAreHeard(t *testing.T) {
	r := newRig(t)
	address := served(t, r)
	good := apiClient(t, r, "vpn", verifier.RoleVerify)
	config := good.Transport.(*http.Transport).TLSClientConfig
	removed := apiClient(t, r, "gone", verifier.RoleVerify)
	if err := r.RemoveCaller("gone"); err != nil {
		t.Fatal(err)
	}
	old, pin, err := feedtest.Certificate("old", time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.AddCaller("old", verifier.RoleVerify, pin); err != nil {
		t.Fatal(err)
	}
	stranger := apiClient(t, r, "stranger", "")
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.2":               func(c *tls.Config) { c.MinVersion, c.MaxVersion = 0, tls.VersionTLS12 },
		"no certificate":        func(c *tls.Config) { c.Certificates = nil },
		"an unknown one":        func(c *tls.Config) { c.Certificates = shownBy(stranger) },
		"an expired one":        func(c *tls.Config) { c.Certificates = []tls.Certificate{old} },
		"the verifier's own":    func(c *tls.Config) { c.Certificates = []tls.Certificate{r.APIPair()} },
		"one that was removed":  func(c *tls.Config) { c.Certificates = shownBy(removed) },
		"another's certificate": func(c *tls.Config) { c.Certificates[0].PrivateKey = old.PrivateKey },
	} {
		tried := config.Clone()
		tried.Certificates = append([]tls.Certificate(nil), config.Certificates...)
		change(tried)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: tried}}
		resp, err := client.Get("https://" + address + verifier.PathStatus)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: heard, with %s", name, resp.Status)
		}
		client.CloseIdleConnections()
	}
	plain, err := http.Get("http://" + address + verifier.PathStatus)
	if err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode < 400 {
			t.Errorf("plain HTTP: %s", plain.Status)
		}
	}
	asks(t, good, address)
}

func shownBy(c *http.Client) []tls.Certificate {
	return c.Transport.(*http.Transport).TLSClientConfig.Certificates
}

// A caller may be taken over: what it sends is refused, and harms no other.
func TestBrokenRequests(t *testing.T) {
	r := newRig(t)
	address := served(t, r)
	good := apiClient(t, r, "vpn", verifier.RoleVerify)
	config := good.Transport.(*http.Transport).TLSClientConfig
	dial := func() (net.Conn, error) { return tls.Dial("tcp", address, config) }
	portertest.Refuses(t, dial, portertest.Requests("POST", verifier.PathVerify))
	asks(t, good, address)
}

// Whoever speaks letter by letter is hung up on: before it is known who it is, within the head of a
// request, and within its body.
func TestSlowCallersAreHungUpOn(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		// The certificates are of today, and the bubble begins in 2000.
		time.Sleep(time.Until(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)))
		r := start(t, dir)
		p := newPipes()
		serveOn(t, r, p)
		good := apiClient(t, r, "vpn", verifier.RoleVerify)
		transport := good.Transport.(*http.Transport)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return p.dial(), nil
		}
		secure := func() net.Conn {
			config := transport.TLSClientConfig.Clone()
			config.ServerName = "127.0.0.1"
			return tls.Client(p.dial(), config)
		}
		head := "POST " + verifier.PathVerify + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n"
		long := strings.Repeat("X: x\r\n", 1000)
		for name, c := range map[string]struct {
			conn  func() net.Conn
			first string
			bears time.Duration
		}{
			"before it is known": {p.dial, "", 6 * time.Second},
			"in the head":        {secure, "", 7 * time.Second},
			"in the body":        {secure, head + "\r\n", 17 * time.Second},
		} {
			conn := c.conn()
			if _, err := io.WriteString(conn, c.first); err != nil && c.first != "" {
				t.Errorf("%s: %v", name, err)
			}
			if borne := portertest.Drip(conn, head+long, time.Second); borne > c.bears {
				t.Errorf("%s: borne for %v", name, borne)
			}
			if waited := asks(t, good, "127.0.0.1"); waited > time.Second {
				t.Errorf("%s: an honest caller waited %v", name, waited)
			}
		}
		transport.CloseIdleConnections()
	})
}

// pipes is a listener whose connections are made in memory, so that time in a bubble can pass.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// The operator's socket is for root and the verifier's own user: by its mode, and by what the
// kernel says of the other end where the mode was widened.
func TestAdminSocketIsTheOperators(t *testing.T) {
	r := newRig(t)
	dir, err := os.MkdirTemp("", "admin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "admin.sock")
	if _, err := adminAt(t, r, path).Status(); err != nil {
		t.Errorf("the operator: %v", err)
	}
	for mode, want := range map[os.FileMode][]error{0o600: {os.ErrPermission},
		0o666: {io.EOF, syscall.ECONNRESET}} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		portertest.AsNobody(t, func() {
			got := wordFrom(path)
			if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(got, w) }) {
				t.Errorf("nobody at a socket of mode %o: %v, want %v", mode, got, want)
			}
		})
	}
}

// wordFrom asks for the status and returns why there is none.
func wordFrom(path string) error {
	conn, err := portertest.Dial(path)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n"+
		`{"act":"status"}`)
	_, err = conn.Read(make([]byte, 1))
	return err
}
