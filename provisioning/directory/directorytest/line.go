package directorytest

import (
	"net"
	"sync"
	"testing"
)

// Line is a TCP line to a server that can be made to stall: it still takes what is sent, and
// nothing gets through.
type Line struct {
	// Address is where to connect to.
	Address string

	to       string
	listener net.Listener
	wait     sync.WaitGroup

	mu      sync.Mutex
	open    chan struct{}
	stalled bool
	conns   []net.Conn
}

// NewLine makes a line to an address. It ends with the test.
func NewLine(t testing.TB, to string) *Line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{Address: listener.Addr().String(), to: to, listener: listener,
		open: make(chan struct{})}
	close(l.open)
	l.wait.Go(l.accept)
	t.Cleanup(l.close)
	return l
}

// Stall holds everything back from now on; Flow lets it through.
func (l *Line) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stalled {
		l.stalled, l.open = true, make(chan struct{})
	}
}

// Flow lets everything through again.
func (l *Line) Flow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled {
		l.stalled = false
		close(l.open)
	}
}

// Cut ends all connections that are open.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *Line) close() {
	_ = l.listener.Close()
	l.Flow()
	l.Cut()
	l.wait.Wait()
}

func (l *Line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, near, far)
		l.mu.Unlock()
		l.wait.Go(func() { l.carry(far, near) })
		l.wait.Go(func() { l.carry(near, far) })
	}
}

func (l *Line) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		l.mu.Lock()
		open := l.open
		l.mu.Unlock()
		<-open
		if _, errWrite := to.Write(buf[:n]); errWrite != nil || err != nil {
			return
		}
	}
}
