package kiosk

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// Config is what a Server needs. Visits, Officers, People, Health, Site and Logger are required.
type Config struct {
	Visits   Visits
	Officers Officers
	People   People
	Health   Health
	// Journal may be nil: then the shift shows no log.
	Journal Journal
	// Requests may be nil: then nothing is answered by mail. Mailbox says whether one is read.
	Requests MailRequests
	Mailbox  bool
	// Reader may be nil: then numbers are typed.
	Reader Reader
	// Passcodes is required where the site issues any.
	Passcodes Passcodes
	// Printer may be nil: then the browser prints.
	Printer Printer
	Site    provisioning.Site
	// Desk names this appliance on the screen, for example "Counter 2".
	Desk string
	// Clock is time.Now unless a test has its own.
	Clock  func() time.Time
	Logger *slog.Logger
}

// Server is the counter's screen.
type Server struct {
	visits   Visits
	officers Officers
	people   People
	health   Health
	reader   Reader
	codes    Passcodes
	printer  Printer
	requests MailRequests
	mailbox  bool
	journal  Journal
	site     provisioning.Site
	desk     string
	now      func() time.Time
	log      *slog.Logger

	sessions *scs.SessionManager
	// outside are the sessions of displays that face the person.
	outside *scs.SessionManager
	counter *counter
	screens *screens
	streams *streams
	posts   *posts
	touches *touches
	// looking: somebody is asked for whose card was tapped during a visit.
	looking atomic.Bool
	// hosts are names the desk may be called by, beside its numbers.
	hosts []string

	// done is closed when Run ends, so that no stream outlives it.
	done     chan struct{}
	doneOnce sync.Once
	// down is closed when the disk failed: see Down.
	down     chan struct{}
	downOnce sync.Once
}

// New checks the configuration. It starts nothing: see Run and Handler.
func New(c Config) (*Server, error) {
	missing := map[string]bool{"officers": c.Officers == nil, "people": c.People == nil,
		"passcodes": c.Passcodes == nil && len(c.Site.Passcodes) > 0}
	if err := c.check(missing); err != nil {
		return nil, err
	}
	return newServer(c), nil
}

// check says what is missing, of what is given and of what every screen needs.
func (c Config) check(missing map[string]bool) error {
	missing["visits"], missing["health"] = c.Visits == nil, c.Health == nil
	missing["logger"], missing["site"] = c.Logger == nil, c.Site.Location == nil
	for name, lacks := range missing {
		if lacks {
			return fmt.Errorf("kiosk config: %s is missing", name)
		}
	}
	return nil
}

func newServer(c Config) *Server {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	counter := newCounter()
	stays := func(id string) bool { return counter.now().hold(id) }
	return &Server{
		visits: c.Visits, officers: c.Officers, people: c.People, health: c.Health,
		reader: c.Reader, codes: c.Passcodes, printer: c.Printer, requests: c.Requests,
		mailbox: c.Mailbox, journal: c.Journal, site: c.Site, desk: c.Desk, now: c.Clock,
		log:      c.Logger,
		sessions: newSessions(c.Clock, stays), outside: newOutside(c.Clock), counter: counter,
		screens: newScreens(),
		streams: newStreams(), posts: newPosts(), touches: newTouches(),
		done: make(chan struct{}), down: make(chan struct{}),
	}
}

// Run takes card taps, waits for officers' tokens, and locks the screen when its deadlines pass. It
// returns when ctx ends, and every live stream ends with it.
func (s *Server) Run(ctx context.Context) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer s.doneOnce.Do(func() { close(s.done) })
	taps := s.taps()
	for {
		changed, moved := s.visits.Changed(), s.counter.changed()
		timer := time.NewTimer(s.tend(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case tap, ok := <-taps:
			if !ok {
				taps = nil
			} else {
				s.tapped(ctx, tap, waiting.Go)
			}
		case job := <-s.touches.jobs:
			waiting.Go(func() { job(ctx) })
		case <-changed:
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Handler serves the screen. It is safe before, during and after Run.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.routes())
	for _, tree := range []string{pages.PathOutward, pages.PathOutward + "/"} {
		mux.Handle(tree, s.outward())
	}
	return s.guard(s.once(mux))
}
