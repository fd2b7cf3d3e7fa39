package daemon

import (
	"math/rand/v2"
	"net"
	"sync"
)

// barrier stands between the desk's feed and the network. It can be shut, which cuts whatever
// passes, and it may cut every connection after some bytes, so that another is made by the keys of
// then.
type barrier struct {
	net.Listener
	most int

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

// least is what a handshake and a short answer take.
const least = 8 << 10

func newBarrier(l net.Listener, most int) *barrier {
	return &barrier{Listener: l, most: most, conns: map[net.Conn]bool{}}
}

// Accept implements net.Listener.
func (g *barrier) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g.admits(conn) {
			if g.most == 0 {
				return conn, nil
			}
			return &shortConn{Conn: conn, left: least + rand.N(g.most)}, nil
		}
		_ = conn.Close()
	}
}

func (g *barrier) admits(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.conns[conn] = true
	}
	return !g.closed
}

func (g *barrier) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for conn := range g.conns {
		_ = conn.Close()
	}
	clear(g.conns)
}

func (g *barrier) unshut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

// shortConn is cut once so many bytes were sent.
type shortConn struct {
	net.Conn
	left int
}

// Write implements net.Conn. Only one goroutine sends at a time: TLS sees to that.
func (c *shortConn) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		_ = c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}
