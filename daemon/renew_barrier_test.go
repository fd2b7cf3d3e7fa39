package daemon

import (
	"net"
	"sync"
	"time"
)

// barrier stands between the desk's feed and the network. It can be shut, which cuts whatever
// passes, and it may cut every connection soon after it was made, so that another is made by the
// keys of then.
type barrier struct {
	net.Listener
	lifetime time.Duration

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

func newBarrier(l net.Listener, lifetime time.Duration) *barrier {
	return &barrier{Listener: l, lifetime: lifetime, conns: map[net.Conn]bool{}}
}

// Accept implements net.Listener.
func (g *barrier) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g.admits(conn) {
			return conn, nil
		}
		_ = conn.Close()
	}
}

func (g *barrier) admits(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.conns[conn] = true
	if g.lifetime > 0 {
		time.AfterFunc(g.lifetime, func() { _ = conn.Close() })
	}
	return true
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
