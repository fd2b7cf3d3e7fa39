package kiosk

import (
	"context"
	"errors"
	"net/http"

	"github.com/a-h/templ"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// What a request can ask for in vain.
var (
	errNotFound  = errors.New("no such page")
	errForbidden = errors.New("not from here")
	errBadForm   = errors.New("not a form of ours")
)

// handler is a route that may fail. What it returns is shown, or logged, by page and nowhere else.
type handler func(http.ResponseWriter, *http.Request) error

// page runs a handler and turns its error into an answer.
func (s *Server) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.sayDown(w, r) {
			return
		}
		if err := h(w, r); err != nil && !s.sayDown(w, r) {
			s.fail(w, r, err)
		}
	})
}

// fail answers a request that came to nothing. A refusal of a post is shown on the page the form
// stands on; an unknown error is a fixed sentence and a number to find it by in the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *provisioning.Refusal
	switch {
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // the browser has gone.
	case errors.Is(err, errNotFound):
		s.simple(w, r, http.StatusNotFound, pages.SimpleNotFound, "")
	case errors.Is(err, errForbidden):
		s.simple(w, r, http.StatusForbidden, pages.SimpleAccess, "")
	case errors.Is(err, errBadForm):
		s.simple(w, r, http.StatusBadRequest, pages.SimpleAccess, "")
	case errors.As(err, &refusal) && r.Method == http.MethodPost:
		s.say(r, r.URL.Path, refusal)
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusSeeOther)
	default:
		event := newID()[:8]
		s.log.ErrorContext(r.Context(), "request", "event", event, "method", r.Method,
			"route", r.Pattern, "err", err)
		s.simple(w, r, http.StatusInternalServerError, pages.SimpleError, event)
	}
}

// say keeps a refusal for the next showing of the page at path.
func (s *Server) say(r *http.Request, path string, refusal *provisioning.Refusal) {
	s.screens.edit(s.screenOf(r), func(sc *screen) { sc.path, sc.said = path, refusal })
}

func (s *Server) simple(
	w http.ResponseWriter, r *http.Request, status int, kind pages.SimpleKind, event string,
) {
	v := pages.SimpleView{Frame: look(r), Kind: kind, Event: event}
	v.Frame.Here = pages.PathHome
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pages.Simple(v).Render(r.Context(), w); err != nil {
		s.log.WarnContext(r.Context(), "render", "page", "simple", "err", err)
	}
}

// show renders a page in full before its first byte leaves, so that an error is still a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, c templ.Component) error {
	buf := templ.GetBuffer()
	defer templ.ReleaseBuffer(buf)
	if err := c.Render(r.Context(), buf); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(buf.Bytes())
	if err != nil {
		return nil // the browser has gone; nothing is left to answer.
	}
	return nil
}
