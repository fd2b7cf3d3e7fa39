package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// maxAnswer bounds what a server may send in answer to one question, whatever lengths it claims.
const maxAnswer = 8 << 20

var errTooMuch = errors.New("the answer is too long")

// wire is a connection that reads only so much for each question.
type wire struct {
	net.Conn
	left atomic.Int64
}

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	if w.left.Load() <= 0 {
		return 0, errTooMuch
	}
	n, err := w.Conn.Read(p)
	w.left.Add(-int64(n))
	return n, err
}

// link is one connection to the directory.
type link struct {
	conn *ldap.Conn
	wire *wire
	used time.Time
}

// longAgo is a deadline that has passed: it ends whatever waits on a connection.
var longAgo = time.Unix(1, 0)

// dial opens a connection and makes it safe. Nothing is said on it before that.
func dial(ctx context.Context, s server, security *tls.Config) (*link, error) {
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("reach the directory: %w", err)
	}
	w := &wire{Conn: tcp}
	w.left.Store(maxAnswer)
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(longAgo) })
	defer stop()
	conn, err := secure(ctx, w, s, security)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the directory's line safe: %w", err), tcp.Close())
	}
	return &link{conn: conn, wire: w}, nil
}

func secure(ctx context.Context, w *wire, s server, security *tls.Config) (*ldap.Conn, error) {
	if s.raise {
		conn := ldap.NewConn(w, false)
		conn.Start()
		return conn, conn.StartTLS(security)
	}
	line := tls.Client(w, security)
	if err := line.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	conn := ldap.NewConn(line, true)
	conn.Start()
	return conn, nil
}

// within does work on the link until ctx ends. The library has no contexts: a deadline on the
// connection ends its reading and its writing, and the link with it.
func (l *link) within(ctx context.Context, work func(*ldap.Conn) error) error {
	l.wire.left.Store(maxAnswer)
	stop := context.AfterFunc(ctx, func() { _ = l.wire.SetDeadline(longAgo) })
	err := work(l.conn)
	if !stop() {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// drop ends the link without ceremony: a goodbye could wait for a server that does not listen.
func (l *link) drop() { _ = l.wire.Close() }

// alive reports whether a link at rest may still be of use.
func (l *link) alive(now time.Time) bool {
	return !l.conn.IsClosing() && now.Sub(l.used) < maxRest
}

// spoken reports whether an error is the server's own word about a question: then the link is as
// good as before.
func spoken(err error) bool {
	var said *ldap.Error
	if err == nil {
		return true
	}
	if !errors.As(err, &said) {
		return false
	}
	switch said.ResultCode {
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultServerDown,
		ldap.LDAPResultTimeout, ldap.LDAPResultConnectError:
		return false
	}
	return said.ResultCode < ldap.ErrorNetwork
}
