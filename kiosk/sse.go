package kiosk

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// heartbeat keeps proxies and the browser from taking a quiet stream for a dead one; recheck is how
// often a view is made again without news, for what changes by time alone.
const (
	heartbeat = 15 * time.Second
	recheck   = 2 * time.Second
)

// scene is what a live page shows now: a fragment, or an address to go to. A page without a live
// region has neither as long as it is right.
type scene struct {
	fragment templ.Component
	location string
}

// eventWriter writes server-sent events (WHATWG HTML, section 9.2).
type eventWriter struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	next int
}

// newEventWriter goes on counting where a reconnecting page left off, so that ids only rise.
func newEventWriter(w http.ResponseWriter, r *http.Request) *eventWriter {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // a request has one, and a stream outlives it.
	_ = rc.Flush()                      // a stream that has nothing to say yet is open all the same.
	seen, err := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if err != nil || seen < 0 || seen > 1<<30 {
		seen = 0
	}
	return &eventWriter{w: w, rc: rc, next: seen + 1}
}

// event sends one event. Every line of the data gets its own field, as the format wants.
func (e *eventWriter) event(name, data string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "id: %d\nevent: %s\n", e.next, name)
	data = strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
	for line := range strings.SplitSeq(data, "\n") {
		fmt.Fprintf(&b, "data: %s\n", line)
	}
	b.WriteString("\n")
	e.next++
	return e.send(b.String())
}

// comment sends a line that browsers ignore.
func (e *eventWriter) comment() error { return e.send(": still here\n\n") }

func (e *eventWriter) send(text string) error {
	// A page that stopped reading must not keep its handler; not every writer has deadlines.
	_ = e.rc.SetWriteDeadline(time.Now().Add(heartbeat))
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.rc.Flush()
}

// live streams a page's region until the page goes away, the scene is elsewhere, or the server
// stops. The first event is the whole state, so that a reconnecting page needs nothing else.
func (s *Server) live(w http.ResponseWriter, r *http.Request, look func() (scene, error)) error {
	return s.stream(w, r, s.screenOf(r), look)
}

// stream is live for the screen with this id.
func (s *Server) stream(
	w http.ResponseWriter, r *http.Request, id string, look func() (scene, error),
) error {
	mine := s.streams.join(id, addressOf(r), s.counter.now())
	defer s.streams.leave(mine)
	out := newEventWriter(w, r)
	defer func() { _ = out.rc.SetWriteDeadline(time.Time{}) }() // the connection is used again.
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	check := time.NewTicker(recheck)
	defer check.Stop()
	var last string
	for {
		if s.isDown() {
			return s.lastWords(r, out)
		}
		changed, moved, reader := s.visits.Changed(), s.counter.changed(), s.readerChanged()
		over, err := s.frame(r, out, look, &last)
		if over || err != nil {
			return nil // the page reconnects or reloads, and finds out there.
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-s.down:
		case <-s.done:
			return s.lastWords(r, out)
		case <-mine.ended:
			return nil
		case <-beat.C:
			if out.comment() != nil {
				return nil
			}
		case <-check.C:
		case <-changed:
		case <-moved:
		case <-reader:
		}
	}
}

// frame sends the scene if it is news; over says that nothing follows.
func (s *Server) frame(
	r *http.Request, out *eventWriter, look func() (scene, error), last *string,
) (over bool, err error) {
	now, err := look()
	if err != nil {
		s.log.WarnContext(r.Context(), "live view", "route", r.Pattern, "err", err)
		return true, err
	}
	if now.location != "" {
		return true, out.event("goto", now.location)
	}
	if now.fragment == nil {
		return false, nil
	}
	var b strings.Builder
	if err := now.fragment.Render(r.Context(), &b); err != nil {
		if r.Context().Err() == nil { // a page that was left is no trouble
			s.log.WarnContext(r.Context(), "live render", "route", r.Pattern, "err", err)
		}
		return true, err
	}
	if b.String() == *last {
		return false, nil
	}
	*last = b.String()
	return false, out.event("fragment", *last)
}
