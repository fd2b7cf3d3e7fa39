package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The bounds of one listener. A connection that owes us a request may be put out once it had the time
// in which a browser sends one; a write that lasts longer than stuck has nobody who reads it.
const (
	crowdSize  = 1024
	crowdGrace = 50 * time.Millisecond
	stuck      = time.Second
)

// crowd is a listener that lets everybody in and keeps no more than so many. Somebody who opens
// connections and sends nothing, or byte by byte, keeps nobody out: room is made where nobody is being
// answered, at the source that has most, for the oldest there first.
type crowd struct {
	net.Listener
	size  int
	grace time.Duration

	mu sync.Mutex
	in map[*guest]struct{}
	// held counts them by where they come from.
	held map[string]int
}

func newCrowd(l net.Listener) *crowd {
	return &crowd{Listener: l, size: crowdSize, grace: crowdGrace, in: map[*guest]struct{}{},
		held: map[string]int{}}
}

// guest is one connection of a crowd.
type guest struct {
	net.Conn
	crowd *crowd
	// cred is who is on the other side of a unix socket; nil elsewhere.
	cred *unix.Ucred
	// from is where it comes from: what is open there counts together.
	from string
	// since is when its server began to listen to it, or when its last answer ended; heard says that it
	// began. The crowd's lock guards them and what follows.
	since time.Time
	heard bool
	// answered: a request of it was heard to its end, and is being answered.
	answered bool
	// writing is since when a write lasts; zero while there is none.
	writing time.Time
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := &guest{Conn: conn, crowd: c, cred: peerOf(conn)}
	g.from = g.origin()
	for {
		wait, out := c.admit(g)
		if out != nil {
			_ = out.Conn.Close() // its server finds out, and counts it out.
		}
		if wait <= 0 {
			return g, nil
		}
		time.Sleep(wait)
	}
}

// admit takes one in. It returns for how long nobody may be put out yet, or who was.
func (c *crowd) admit(g *guest) (wait time.Duration, out *guest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.since = time.Now()
	if len(c.in) >= c.size {
		if out = c.spare(g.since); out == nil {
			return c.grace, nil
		}
		if wait = c.grace - g.since.Sub(out.since); wait > 0 {
			return wait, nil
		} else if !out.heard {
			return c.grace, nil
		}
		c.remove(out)
	}
	c.in[g] = struct{}{}
	c.held[g.from]++
	return 0, out
}

// remove counts one out; the caller holds mu.
func (c *crowd) remove(g *guest) {
	if _, here := c.in[g]; !here {
		return
	}
	delete(c.in, g)
	if c.held[g.from]--; c.held[g.from] == 0 {
		delete(c.held, g.from)
	}
}

// spare is who is put out next; nil while all are being answered.
func (c *crowd) spare(now time.Time) (out *guest) {
	most := 0
	for g := range c.in {
		if g.answered && (g.writing.IsZero() || now.Sub(g.writing) < stuck) {
			continue
		}
		held := most
		if out == nil || out.from != g.from {
			held = c.held[g.from]
		}
		if out == nil || held > most || held == most && g.before(out) {
			out, most = g, held
		}
	}
	return out
}

// before says whether a guest had its time sooner than another.
func (g *guest) before(other *guest) bool {
	if g.heard != other.heard {
		return g.heard
	}
	return g.since.Before(other.since)
}

// origin is the address of the other side without its port, or its user.
func (g *guest) origin() string {
	if g.cred != nil {
		return "uid " + strconv.Itoa(int(g.cred.Uid))
	}
	address := g.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// Read implements net.Conn. On a busy machine it is a while until the first one.
func (g *guest) Read(p []byte) (int, error) {
	g.note(func() {
		if !g.heard {
			g.heard, g.since = true, time.Now()
		}
	})
	return g.Conn.Read(p)
}

// Write implements net.Conn.
func (g *guest) Write(p []byte) (int, error) {
	g.note(func() { g.writing = time.Now() })
	defer g.note(func() { g.writing = time.Time{} })
	return g.Conn.Write(p)
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.note(func() { g.crowd.remove(g) })
	return g.Conn.Close()
}

func (g *guest) note(change func()) {
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	change()
}

// guestKey is where a request's context has its guest.
type guestKey struct{}

// withGuest puts the guest under a connection into the context of its requests.
func withGuest(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if g, ok := conn.(*guest); ok {
		return context.WithValue(ctx, guestKey{}, g)
	}
	return ctx
}

// seated marks the guests that are being answered: those whose request was heard to its end.
func seated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g, ok := r.Context().Value(guestKey{}).(*guest)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		defer g.note(func() { g.answered, g.since = false, time.Now() })
		heard := func() { g.note(func() { g.answered = true }) }
		if r.Body == http.NoBody {
			heard()
		}
		r.Body = &body{r.Body, heard}
		next.ServeHTTP(w, r)
	})
}

// body tells when it was read to its end.
type body struct {
	io.ReadCloser
	heard func()
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.heard()
	}
	return n, err
}

// complaints takes what a server has to say into the log, but for connections that never came to a
// request: whoever opens ten thousand of them must not fill the journal.
type complaints struct{ log *slog.Logger }

// Write implements io.Writer.
func (c complaints) Write(line []byte) (int, error) {
	if !bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		c.log.Error("a server", "said", string(bytes.TrimSpace(line)))
	}
	return len(line), nil
}

// peerOf is who is on the other side of a unix socket, by the kernel's word; nil for any other.
func peerOf(conn net.Conn) *unix.Ucred {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return nil
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}) != nil || err != nil {
		return nil
	}
	return cred
}
