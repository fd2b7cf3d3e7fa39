package verifier_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a verifier in a directory of its own, running until stop.
type rig struct {
	*verifier.Verifier
	dir  string
	stop func()
}

func newDir(t testing.TB) string {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "verifier")
	_, err := verifier.Init(verifier.Plan{Dir: dir, Name: "test", Hosts: []string{"127.0.0.1"},
		Escrow: filepath.Join(base, "escrow.key"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs the verifier of a directory. It may be stopped and started again.
func start(t testing.TB, dir string, change ...func(*verifier.Config)) *rig {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole verifier takes its time")
	}
	state, err := verifier.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	config := verifier.Config{State: state}
	for _, f := range change {
		f(&config)
	}
	v, err := verifier.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, state.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &rig{Verifier: v, dir: dir, stop: stop}
}

func newRig(t testing.TB) *rig { return start(t, newDir(t)) }

// counter is a desk that serves its feed for this rig.
type counter struct {
	*feedtest.Desk
	card feed.DeskCard
	stop func()
}

// misbehaviour changes what a desk is made of, before it serves.
type misbehaviour func(*publish.Config, *net.Listener)

// open serves a desk's feed on a loopback port. The listener and the parts behind it may be changed
// first, to misbehave.
func (r *rig) open(t testing.TB, id string, change ...misbehaviour) *counter {
	t.Helper()
	desk, err := feedtest.NewDesk(id, r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	return r.serve(t, desk, change...)
}

func (r *rig) serve(t testing.TB, desk *feedtest.Desk, change ...misbehaviour) *counter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	config := publish.Config{Source: desk, Acks: desk, Meta: desk.Meta}
	for _, f := range change {
		f(&config, &listener)
	}
	server, err := publish.New(config)
	if err != nil {
		t.Fatal(err)
	}
	cert, pin, err := feedtest.Certificate(desk.ID, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		secure := publish.TLSConfig(cert, r.Bundle.FollowerPin)
		done <- server.Serve(ctx, tls.NewListener(listener, secure))
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &counter{Desk: desk, stop: stop, card: feed.DeskCard{Version: feed.Version, Desk: desk.ID,
		Site: desk.Site, FeedURL: "https://" + address, LogKey: desk.LogKey, TLSPin: pin}}
}

// trusted opens a desk and has it followed without bounds.
func (r *rig) trusted(t testing.TB, id string, change ...misbehaviour) *counter {
	t.Helper()
	c := r.open(t, id, change...)
	r.trust(t, c, verifier.Bounds{})
	return c
}

func (r *rig) trust(t testing.TB, c *counter, bounds verifier.Bounds) {
	t.Helper()
	if err := r.Trust(c.card, bounds, false); err != nil {
		t.Fatal(err)
	}
}

// soon bounds what a test waits for. It is reached only when the test fails.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (c *counter) verdict(t testing.TB, record string) feed.Verdict {
	t.Helper()
	v, err := c.Verdict(soon(t), record)
	if err != nil {
		t.Fatalf("no verdict: %v", err)
	}
	return v
}

func (c *counter) expect(t testing.TB, record string, want feed.Outcome) {
	t.Helper()
	if got := c.verdict(t, record); got.Outcome != want {
		t.Errorf("the verdict is %s, off by %d, want %s", got.Outcome, got.Offset, want)
	}
}

// settled waits until the verifier has acknowledged everything the desk published.
func (c *counter) settled(t testing.TB) {
	t.Helper()
	head := c.FeedHead()
	err := c.Await(soon(t), func(acks []feed.Ack, _ map[string]feed.Verdict) bool {
		return len(acks) > 0 && acks[len(acks)-1].Position >= head
	})
	if err != nil {
		t.Fatalf("the desk was not followed to its head: %v", err)
	}
}

func (r *rig) verify(t testing.TB, user string, otp secret.OTP) bool {
	t.Helper()
	ok, err := r.Verify(soon(t), "test", user, otp)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func (r *rig) status(t testing.TB) verifier.Status {
	t.Helper()
	s, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until looks at the status of the only desk until ok says yes.
func (r *rig) until(t testing.TB, what string,
	ok func(verifier.DeskStatus) bool) verifier.DeskStatus {
	t.Helper()
	ctx := soon(t)
	for {
		if d := r.status(t).Desks[0]; ok(d) {
			return d
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// flaky cuts each connection after a random number of bytes, until it is calm.
type flaky struct {
	net.Listener
	calm atomic.Bool
	cuts atomic.Int64
}

func (f *flaky) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: c, flaky: f, left: rand.N(120_000) + 1}, nil
}

type cutConn struct {
	net.Conn
	flaky *flaky
	mu    sync.Mutex
	left  int
}

func (c *cutConn) spend(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left -= n
	return c.left > 0 || c.flaky.calm.Load()
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.spend(n) {
		return 0, c.cut()
	}
	return n, err
}

// Write sends a part of what it was given before the cut.
func (c *cutConn) Write(b []byte) (int, error) {
	if !c.spend(len(b)) {
		_, _ = c.Conn.Write(b[:rand.N(len(b)+1)])
		return 0, c.cut()
	}
	return c.Conn.Write(b)
}

func (c *cutConn) cut() error {
	c.flaky.cuts.Add(1)
	_ = c.Conn.Close()
	return net.ErrClosed
}

// apiClient calls the API with a new certificate of a role.
func apiClient(t testing.TB, r *rig, name string, role verifier.Role) *http.Client {
	t.Helper()
	cert, pin, err := feedtest.Certificate(name, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if role != "" {
		if err := r.AddCaller(name, role, pin); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(r.APICertificate()) {
		t.Fatal("the API has no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13,
		RootCAs: roots, Certificates: []tls.Certificate{cert}}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
