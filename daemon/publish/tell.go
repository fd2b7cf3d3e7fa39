package publish

import (
	"context"
	"net"
	"net/http"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Told takes what the verifier tells a desk of its own accord. The same may come again.
type Told interface {
	// TakeHalt is told whether this desk may go on.
	TakeHalt(ctx context.Context, h feed.Halt) error
	// TakeRows is told what the verifier knows, after a restore.
	TakeRows(ctx context.Context, rows feed.Rows) error
}

// tell adds the calls of Told, if somebody takes them.
func (s *Server) tell(mux *http.ServeMux) {
	if s.Told == nil {
		return
	}
	mux.Handle(feed.PathHalt, s.call(http.MethodPost, s.halt))
	mux.Handle(feed.PathRows, s.call(http.MethodPut, s.rows))
}

// told is the answer to what needs none.
type told struct{}

func (s *Server) halt(w http.ResponseWriter, r *http.Request) error {
	body, err := read(w, r, feed.MaxHalt)
	if err != nil {
		return err
	}
	h, err := feed.DecodeHalt(body)
	switch {
	case err != nil:
		return feed.ProblemRequest.With(err.Error())
	case h.Feed != s.Meta().Feed:
		return feed.ProblemOtherFeed
	}
	if err := s.Told.TakeHalt(r.Context(), h); err != nil {
		return err
	}
	return send(w, told{})
}

func (s *Server) rows(w http.ResponseWriter, r *http.Request) error {
	body, err := read(w, r, feed.MaxRowsBytes)
	if err != nil {
		return err
	}
	rows, err := feed.DecodeRows(body)
	switch {
	case err != nil:
		return feed.ProblemRequest.With(err.Error())
	case rows.Feed != s.Meta().Feed:
		return feed.ProblemOtherFeed
	}
	if err := s.Told.TakeRows(r.Context(), rows); err != nil {
		return err
	}
	return send(w, told{})
}

// reachedAt is the address of this box that a call came to.
func reachedAt(r *http.Request) string {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return at.String()
	}
	return ""
}
