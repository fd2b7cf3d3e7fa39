package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Renewals are the keys of both ends while they change.
type Renewals interface {
	// Announced is the signed feed.Keys in force, and a channel that is closed when it, or the
	// verifier's bundle, changes.
	Announced() (signed []byte, changed <-chan struct{})
	// Taken hears which announcement the verifier holds.
	Taken(serial int64)
	// Bundle is the bundle in force.
	Bundle() feed.Bundle
	// TakeBundle makes another bundle durable, then uses it. It returns how many leaves there are
	// after that.
	TakeBundle(ctx context.Context, b feed.Bundle) (position int64, err error)
	// Admits says whether a follower with this pin may call.
	Admits(pin string) bool
}

// RenewableTLS is TLSConfig for a desk whose certificate, and whose follower's, may change while it
// runs.
func RenewableTLS(own func() *tls.Certificate, keys Renewals) *tls.Config {
	return feed.RenewableServerTLS(own, keys.Admits)
}

// Follower is the certificate the verifier called with last; nil if it never did since the start.
func (s *Server) Follower() *x509.Certificate { return s.follower.Load() }

func (s *Server) announced() ([]byte, <-chan struct{}) {
	if s.Renewals == nil {
		return nil, nil
	}
	return s.Renewals.Announced()
}

func (s *Server) bundle(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return s.heldBundle(w)
	case http.MethodPut:
		return s.newBundle(w, r)
	}
	return feed.ProblemMethod
}

// heldBundle tells which bundle is in force, and asks the holder of its sealing key a question.
func (s *Server) heldBundle(w http.ResponseWriter) error {
	now := s.Renewals.Bundle()
	challenge, err := feed.NewChallenge(now.VerifierKey)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.question = challenge
	s.mu.Unlock()
	return send(w, feed.BundleState{Held: now.Fingerprint(), Position: s.Source.Head(),
		Key: feed.KeyID(now.VerifierKey), Challenge: challenge.Public})
}

// newBundle takes a bundle from whoever answers the newest question.
func (s *Server) newBundle(w http.ResponseWriter, r *http.Request) error {
	body, err := read(w, r, feed.MaxMeta*2)
	if err != nil {
		return err
	}
	order, bundle, err := feed.DecodeBundleOrder(body)
	if err != nil {
		return feed.ProblemRequest.With(err.Error())
	}
	s.mu.Lock()
	asked := s.question
	s.question = feed.Challenge{}
	s.mu.Unlock()
	if err := asked.Check(order); err != nil {
		return feed.ProblemRequest.With(err.Error())
	}
	position, err := s.Renewals.TakeBundle(r.Context(), bundle)
	if err != nil {
		return err
	}
	return send(w, feed.BundleState{Held: bundle.Fingerprint(), Position: position})
}
