package kiosk

import (
	"net/http"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// warnBefore is how long before a deadline the page asks "Still there?".
const warnBefore = 30 * time.Second

// scenery is everything a page is made from. Nothing else is read while it is made, so a page is a
// pure function of it.
type scenery struct {
	snap   provisioning.Snapshot
	plugs  []provisioning.Plug
	health provisioning.Health
	site   provisioning.Site
	desk   string
	now    time.Time
	hands  hands
	screen screen
	// officer is whoever unlocked the desk; zero on a locked or turned screen.
	officer provisioning.Officer
	frame   pages.Frame
	// mails: requests by mail are answered here.
	mails bool
}

// scene collects the scenery of the page at path.
func (s *Server) scenery(r *http.Request, path string) scenery {
	id := s.screenOf(r)
	sc := scenery{
		snap: s.visits.Snapshot(), plugs: s.visits.Plugs(), health: s.health.Health(r.Context()),
		site: s.site, desk: s.desk, now: s.now(), hands: s.counter.now(),
		screen: s.screens.read(id), frame: look(r), mails: s.requests != nil,
	}
	if sc.hands.Owner == id {
		sc.officer, _ = provisioning.Get[provisioning.Officer](sc.snap, string(sc.hands.Officer))
		sc.frame.Officer = sc.officer.Name
	}
	sc.frame.Post, sc.frame.Here = path, path
	sc.frame.Printer = s.printer != nil
	sc.frame.Op = string(s.screens.op(id, path, "page"))
	if sc.screen.said != nil && sc.screen.path == path {
		alert := sc.problem(sc.screen.said.Code, sc.screen.said.Params)
		sc.frame.Alert = &alert
	}
	sc.frame.Idle = idle(sc)
	return sc
}

// look is how this browser wants its pages: two plain cookies that say nothing about anybody.
func look(r *http.Request) pages.Frame {
	return pages.Frame{
		Lang:  pages.LangOf(r.Context()),
		Theme: oneOf(cookieValue(r, themeCookie), "light", "dark", "contrast"),
		Text:  oneOf(cookieValue(r, textCookie), "large"),
		Post:  r.URL.Path, Here: r.URL.Path,
	}
}

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// oneOf returns value if it is allowed, or "".
func oneOf(value string, allowed ...string) string {
	for _, a := range allowed {
		if value == a {
			return value
		}
	}
	return ""
}

// idle mirrors the deadline of the visit at the counter, or of the unlocked desk without one.
func idle(sc scenery) pages.Idle {
	until := deadline(sc.snap, sc.hands)
	if until.IsZero() {
		return pages.Idle{}
	}
	left := max(int(until.Sub(sc.now)/time.Second), 1)
	return pages.Idle{Seconds: left, Warn: int(warnBefore / time.Second), End: pages.PathHome}
}

// deadline is when the counter is taken from whoever holds it; zero means it is not, as during a
// write.
func deadline(snap provisioning.Snapshot, h hands) time.Time {
	v, ok := current(snap, h)
	switch {
	case !ok && h.Owner == "":
		return time.Time{}
	case !ok:
		return h.Until
	default:
		return v.Deadline
	}
}

// current is the visit at the counter: the open one of the officer, or the one the turned screen
// may see.
func current(snap provisioning.Snapshot, h hands) (provisioning.Visit, bool) {
	if h.Facing != "" {
		v, ok := provisioning.Get[provisioning.Visit](snap, string(h.Visit))
		return v, ok && v.State == provisioning.VisitOpen
	}
	if h.Owner == "" {
		return provisioning.Visit{}, false
	}
	for v := range provisioning.Find[provisioning.Visit](
		snap, provisioning.ByOfficer, string(h.Officer)) {
		if v.State == provisioning.VisitOpen {
			return v, true
		}
	}
	return provisioning.Visit{}, false
}
