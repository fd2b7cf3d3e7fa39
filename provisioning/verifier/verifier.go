// Package verifier is the central server that desks publish to: it follows their feeds, opens the
// seeds sealed to it, judges the proofs, and checks one-time passwords, each accepted exactly once,
// and passcodes, each as often and as long as its terms say.
//
// What it holds durably decides: a record is stored with the position it came at before the desk is
// told, and an attempt is counted before it is answered. A desk that lies, runs twice or was put
// back is under alarm until an operator ends that. Desks of one site hear of each other here, and
// one that was restored gets back what it published. The verifier renews its keys while it runs,
// moves to another machine, and is rebuilt from the desks or a backup with the escrow key.
//
// The package refuses to know the counter, the person standing there and the token on its USB port.
package verifier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Config is what a verifier needs. State is required.
type Config struct {
	// State is what Open returned; whoever opened it closes it, after Run.
	State *State
	// Clock is time.Now when nil.
	Clock func() time.Time
	// Groups says which groups users are in; without it a desk that is bound to groups binds nobody,
	// and nobody is an administrator.
	Groups *Membership
	// Log hears of desks and callers by their ids; nil means nobody does.
	Log *slog.Logger
	// Dial reaches the desks; nil means over the network.
	Dial Dial
}

// Verifier follows desks and answers callers while it runs.
type Verifier struct {
	*State
	clock  func() time.Time
	log    *slog.Logger
	groups *Membership

	dial     Dial
	attempts chan *attempt
	// poke tells the supervisor that the desks changed, departed that they are no longer ours, erased
	// that a page brought an erasure.
	poke     chan struct{}
	departed chan struct{}
	leave    sync.Once
	erased   chan struct{}
	callers  *callerLimits
	started  time.Time

	mu    sync.Mutex
	links map[string]Link
	tally Tally
	// cards are those the desks are followed by; renewing is held by whoever renews a key.
	cards    map[string]feed.DeskCard
	renewing sync.Mutex
	// spread wakes whoever takes a new bundle to the desks.
	spread chan struct{}
	// sites is closed at the next change of a site's index.
	sites chan struct{}
	// acted is closed by an act of an operator on a desk.
	acted chan struct{}
}

// New checks its configuration. It follows and answers nothing before Run.
func New(c Config) (*Verifier, error) {
	if c.State == nil {
		return nil, errors.New("a verifier needs its state")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext
	}
	return &Verifier{State: c.State, clock: c.Clock, log: c.Log, groups: c.Groups, dial: c.Dial,
		sites: make(chan struct{}), attempts: make(chan *attempt), poke: make(chan struct{}, 1),
		departed: make(chan struct{}), erased: make(chan struct{}, 1), callers: newCallerLimits(),
		started: c.Clock(), links: map[string]Link{}, cards: map[string]feed.DeskCard{},
		spread: make(chan struct{}, 1), acted: make(chan struct{})}, nil
}

// Run follows every trusted desk and decides attempts until ctx is done. It ends with an error when
// the disk fails: what was stored is then not known, and the process must start anew.
func (v *Verifier) Run(ctx context.Context) error {
	if err := v.mayRun(); err != nil {
		return err
	}
	if err := v.makeSites(); err != nil {
		return fmt.Errorf("make the index of the sites: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return v.decideAll(ctx) })
	group.Go(func() error { return v.untilMoved(ctx, v.supervise) })
	group.Go(func() error { return v.sweepPasscodes(ctx) })
	group.Go(func() error { return v.untilMoved(ctx, v.rewrite) })
	group.Go(func() error { return v.untilMoved(ctx, v.spreadBundle) })
	group.Go(func() error { return v.warnEnds(ctx) })
	err := group.Wait()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run the verifier: %w", err)
	}
	return nil
}
