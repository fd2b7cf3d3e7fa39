package kiosk

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// How long the unattended view waits for a touch; the last selfWarn of it, it asks.
const (
	selfIdle = 90 * time.Second
	selfWarn = 30 * time.Second
)

// Recoveries judges people who ask for a recovery passcode with no officer and no card.
type Recoveries interface {
	// Recover answers after a fixed time. Whatever does not match, and whoever tries too often, gets
	// the same refusal, recovery_no.
	Recover(ctx context.Context, claim provisioning.Claim, password secret.Password,
		address string) (provisioning.PasscodeID, error)
	// Shown returns copies of the digits once the verifier has taken them. It refuses with
	// passcode_waiting before, and with passcode_gone when there is nothing to wait for.
	Shown(id provisioning.PasscodeID) ([]secret.Passcode, error)
	// Reveal puts on record that the person asked to see them.
	Reveal(ctx context.Context, id provisioning.PasscodeID) error
	// Forget drops the digits.
	Forget(id provisioning.PasscodeID)
	// Closed says why nobody is served now, or nil.
	Closed(ctx context.Context) *provisioning.Refusal
}

// Self is the unattended view (S58-S65). Its listener, its cookie, its sessions and its routes are
// its own: nothing of it leads to the counter's, and nobody is ever let in here as an officer.
type Self struct {
	*Server
	recoveries Recoveries
	underWay   *underWay
}

// NewSelf makes the unattended view. hosts are the names it may be called by, beside numbers and
// localhost; secure says that it is served under TLS, so that its cookie goes over nothing else. Of
// the configuration it takes what has to do with neither officers nor people at the counter.
func NewSelf(
	c Config, recoveries Recoveries, hosts []string, secure bool,
) (*Self, error) {
	if err := c.check(map[string]bool{"recoveries": recoveries == nil}); err != nil {
		return nil, err
	}
	server := newServer(c)
	server.sessions.Cookie.Name, server.sessions.Cookie.Secure = "self", secure
	server.hosts = hosts
	return &Self{Server: server, recoveries: recoveries,
		underWay: newUnderWay(server.now, recoveries.Forget)}, nil
}

// Run forgets what was left lying. It returns when ctx ends, and every live stream ends with it.
func (s *Self) Run(ctx context.Context) error {
	defer s.doneOnce.Do(func() { close(s.done) })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.underWay.sweep(true)
			return nil
		case <-tick.C:
			s.underWay.sweep(false)
		}
	}
}

// Handler serves the unattended view.
func (s *Self) Handler() http.Handler { return s.guard(s.once(s.routes())) }

func (s *Self) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { mux.Handle(pattern, s.page(h)) }
	begun := func(pattern string, h recoveryHandler) { open(pattern, s.begun(h)) }
	open("GET /{$}", s.getStart)
	open("POST /{$}", s.postStart)
	open("GET "+pages.PathSelfOfficer, s.getOfficer)
	open("GET "+pages.PathText, s.getText)
	open("GET "+pages.PathDisplay, s.getDisplay)
	open("POST "+pages.PathDisplay, s.postDisplay)
	open("POST "+pages.PathLanguage, s.postLanguage)
	open("POST "+pages.PathAlive, s.postHere)
	open("GET "+assetsPath, s.getAsset)
	open("/", func(http.ResponseWriter, *http.Request) error { return errNotFound })
	begun("GET "+pages.PathSelfRole, s.getRole)
	begun("POST "+pages.PathSelfRole, s.postRole)
	for _, q := range questions {
		begun("GET "+q.path, s.getQuestion(q))
		begun("POST "+q.path, s.postQuestion(q))
	}
	begun("GET "+pages.PathSelfPassword, s.getPassword)
	begun("POST "+pages.PathSelfPassword, s.postPassword)
	begun("GET "+pages.PathSelfPasscode, s.getPasscode)
	begun("POST "+pages.PathSelfPasscode, s.postPasscode)
	begun("GET "+pages.PathSelfPasscode+"/live", s.livePasscode)
	return s.remembering(s.spending(s.speaking(mux)))
}

// recoveryHandler is a handler of a recovery under way, of which it gets a copy.
type recoveryHandler func(http.ResponseWriter, *http.Request, recovery) error

// begun lets through who began a recovery and did not let it lie; all others start.
func (s *Self) begun(h recoveryHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, ok := s.underWay.read(s.screenOf(r))
		if !ok {
			return redirect(w, r, pages.PathHome)
		}
		return h(w, r, f)
	}
}

// frameOf is the frame of a page of the unattended view.
func (s *Self) frameOf(r *http.Request, path string, f recovery) pages.Frame {
	frame := s.scenery(r, path).frame
	frame.Idle = pages.Idle{}
	if left := f.until.Sub(s.now()); !f.until.IsZero() {
		frame.Idle = pages.Idle{Seconds: max(int(left/time.Second), 1),
			Warn: int(selfWarn / time.Second), End: pages.PathHome, Clear: true}
	}
	return frame
}

// perLine is how much of an IPv6 address belongs to one line: the rest is the subscriber's to choose
// (RFC 6177 section 2).
const perLine = 64

// addressOf is where a request came from, for the limit of tries.
func addressOf(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := from.Addr().Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	line, _ := address.Prefix(perLine) // never fails: it has 128 bits.
	return line.String()
}
