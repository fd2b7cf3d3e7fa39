//go:build crash

package main

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
)

// crashTap sits in a cable of the desk and sees every message that passes, so that the desk can be
// killed at exactly this one.
type crashTap struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	// idle tells by its first message a connection that is of no interest.
	idle func(first []byte) bool
	// passes is asked about every other message: one it says no to is lost, and its connection.
	passes func() bool

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
	work   sync.WaitGroup
}

// run joins whoever connects with the other side until close.
func (c *crashTap) run() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.work.Go(func() { c.join(near) })
	}
}

func (c *crashTap) join(near net.Conn) {
	defer near.Close()
	far, err := c.dial()
	if err != nil {
		return
	}
	defer far.Close()
	if !c.keep(near, far) {
		return
	}
	defer c.drop(near, far)
	var idle atomic.Bool
	var back sync.WaitGroup
	back.Go(func() {
		defer near.Close()
		defer far.Close()
		c.pump(far, near, func([]byte) bool { return idle.Load() || c.passes() })
	})
	first := true
	c.pump(near, far, func(message []byte) bool {
		if first && c.idle != nil {
			idle.Store(c.idle(message))
		}
		first = false
		return idle.Load() || c.passes()
	})
	near.Close()
	far.Close()
	back.Wait()
}

// pump hands on what one side says. Both protocols wait for an answer to each message, and a
// message is far smaller than the buffer: one read is one message.
func (c *crashTap) pump(from, to net.Conn, passes func([]byte) bool) {
	message := make([]byte, 64<<10)
	for {
		n, err := from.Read(message)
		if n > 0 && !passes(message[:n]) {
			return
		}
		if _, werr := to.Write(message[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (c *crashTap) keep(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.conns == nil {
		c.conns = map[net.Conn]bool{}
	}
	for _, conn := range conns {
		c.conns[conn] = true
	}
	return true
}

func (c *crashTap) drop(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		delete(c.conns, conn)
	}
}

// close cuts the cable and waits until nothing passes any more.
func (c *crashTap) close() {
	_ = c.listener.Close()
	c.mu.Lock()
	c.closed = true
	for conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.work.Wait()
}

// onlyLists tells the connections on which the desk asks, several times a second, what is plugged
// in.
func onlyLists(first []byte) bool { return bytes.Contains(first, []byte(`"Ask":"list"`)) }
