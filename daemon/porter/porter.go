// Package porter keeps a listener from being filled by whoever can reach it. It holds a bounded
// number of connections, so their memory and descriptors are bounded, and when one more comes it
// closes the one that can best be spared: the oldest that has asked nothing yet, of the source that
// has most, or else one that rests between two calls. What is being answered is never closed.
//
// It refuses to know what is said on a connection and who says it.
package porter

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// Gate is a listener with a bound. A server on it must report to State.
type Gate struct {
	net.Listener
	limit int

	mu      sync.Mutex
	held    map[*conn]bool
	sources map[string]*source
	count   int64
}

// source is an address without its port, and how many connections it has.
type source struct {
	name string
	held int
}

// New bounds the connections of a listener. What speaks TLS wraps the gate, not the other way
// round.
func New(inner net.Listener, limit int) *Gate {
	return &Gate{Listener: inner, limit: limit, held: map[*conn]bool{}, sources: map[string]*source{}}
}

// phase is what a connection is good for, from what is spared first.
type phase int

const (
	// silent: it asked nothing yet. Of one that speaks TLS it is not even known who it is.
	silent phase = iota
	// resting: it asked before, and may ask again.
	resting
	busy
)

// conn is one connection that the gate holds.
type conn struct {
	net.Conn
	gate   *Gate
	source *source
	phase  phase
	number int64
}

// Accept waits for a connection and makes room for it. One for which there is none is closed.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		inner, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := g.admit(inner); c != nil {
			return c, nil
		}
		_ = inner.Close()
	}
}

func (g *Gate) admit(inner net.Conn) *conn {
	c := &conn{Conn: inner, gate: g, phase: silent}
	g.mu.Lock()
	var spared *conn
	if len(g.held) >= g.limit {
		if spared = g.spare(); spared == nil {
			g.mu.Unlock()
			return nil
		}
		g.drop(spared)
	}
	g.count++
	c.number = g.count
	g.held[c] = true
	c.source = g.source(inner)
	c.source.held++
	g.mu.Unlock()
	if spared != nil {
		_ = spared.Conn.Close()
	}
	return c
}

// spare finds the connection that is closed for another.
func (g *Gate) spare() (found *conn) {
	for c := range g.held {
		if c.phase != busy && (found == nil || before(c, found)) {
			found = c
		}
	}
	return found
}

func before(a, b *conn) bool {
	switch most := a.source.held - b.source.held; {
	case a.phase != b.phase:
		return a.phase < b.phase
	case most != 0:
		return most > 0
	}
	return a.number < b.number
}

func (g *Gate) drop(c *conn) {
	if !g.held[c] {
		return
	}
	delete(g.held, c)
	if c.source.held--; c.source.held == 0 {
		delete(g.sources, c.source.name)
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.gate.mu.Lock()
	c.gate.drop(c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// NetConn is the connection itself, which the kernel can be asked about.
func (c *conn) NetConn() net.Conn { return c.Conn }

// State is the ConnState of an http.Server whose listener is a Gate, under TLS or not. A connection
// becomes active with the first bytes of a request, so after the handshake that says who it is.
func State(on net.Conn, state http.ConnState) {
	if secure, ok := on.(*tls.Conn); ok {
		on = secure.NetConn()
	}
	c, ok := on.(*conn)
	if !ok {
		return
	}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	switch state {
	case http.StateActive, http.StateHijacked:
		c.phase = busy
	case http.StateIdle:
		c.phase = resting
	}
}

// source finds where a connection comes from.
func (g *Gate) source(c net.Conn) *source {
	name := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if g.sources[name] == nil {
		g.sources[name] = &source{name: name}
	}
	return g.sources[name]
}
