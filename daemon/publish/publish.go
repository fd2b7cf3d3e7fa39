// Package publish serves a desk's feed to the verifier that follows it: contract v1 of
// provisioning/feed over HTTP, with mutual TLS and a pinned client, a long poll that wakes only
// when the feed or the keys have news, and acknowledgements passed on to whoever takes them. What
// the verifier tells a desk besides goes the same way: a new bundle, what other desks of the site
// did, that it must stop, and what it published before it was restored.
//
// It refuses to know what a record means, how the log is kept and what a verdict changes.
package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokendesk/tokendesk/daemon/porter"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Source is the log that is published.
type Source interface {
	// Leaves returns at most limit leaves from position after on.
	Leaves(ctx context.Context, after int64, limit int) ([]feed.Leaf, error)
	// Checkpoint returns the signed checkpoint of the tree of the first size leaves.
	Checkpoint(size int64) ([]byte, error)
	// Head counts the leaves.
	Head() int64
	// FeedHead is the position after the newest leaf that carries records.
	FeedHead() int64
	// FeedChanged returns a channel that is closed when FeedHead next rises.
	FeedChanged() <-chan struct{}
}

// Acks takes what the verifier acknowledges. The same ack, or an older one, may come again.
type Acks interface {
	Acknowledge(ctx context.Context, ack feed.Ack) error
}

// Config is what a server needs: Source, Acks and Meta. The rest may be left out.
type Config struct {
	Source Source
	Acks   Acks
	// Site hears of the other desks of its site; nil means that nobody does.
	Site Site
	// Meta describes the feed now.
	Meta func() feed.Meta
	// Renewals is where keys that are renewed come from; nil means that none are.
	Renewals Renewals
	// Log hears of errors; nil means nobody does.
	Log *slog.Logger
	// Told takes what the verifier tells the desk; nil means that it is told nothing.
	Told Told
}

// Server answers the verifier.
type Server struct {
	Config
	mu sync.Mutex
	// polling holds the pins of the clients with a long poll under way.
	polling map[string]bool
	// sent is the announcement of keys that each client was sent last, by its pin.
	sent map[string]string
	// seen is when a client last called, in Unix milliseconds.
	seen atomic.Int64
	// follower is the certificate it called with.
	follower atomic.Pointer[x509.Certificate]
	// question is the newest challenge to whoever orders a new bundle; it is answered once.
	question feed.Challenge
}

// The limits of one connection.
const (
	maxWait     = 30 * time.Second
	headTimeout = 5 * time.Second
	bodyTimeout = 15 * time.Second
	sendTimeout = 30 * time.Second
	idleTimeout = 2 * time.Minute
	stopTimeout = 5 * time.Second
	maxHeader   = 16 << 10
)

// New checks its configuration.
func New(c Config) (*Server, error) {
	if c.Source == nil || c.Acks == nil || c.Meta == nil {
		return nil, errors.New("publishing needs a source, a taker of acks and a description")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{Config: c, polling: map[string]bool{}, sent: map[string]string{}}, nil
}

// TLSConfig is how the feed's listener talks: TLS 1.3 with a client certificate that is pinned
// (feed.Pin), and nobody else.
func TLSConfig(cert tls.Certificate, pinned ...string) *tls.Config {
	return feed.ServerTLS(cert, pinned...)
}

// Seen is when the verifier last called; zero if it never did since the start.
func (s *Server) Seen() time.Time {
	at := s.seen.Load()
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(at)
}

// Serve answers on a TLS listener until ctx is done, then ends the long polls under way and
// returns.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      maxWait + sendTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         porter.State,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the feed: %w", err)
	case <-ctx.Done():
	}
	late, cancelLate := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancelLate()
	err := errors.Join(srv.Shutdown(late), srv.Close())
	<-served
	return err
}
