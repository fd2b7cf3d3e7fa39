// Package visit runs what happens at the counter: it asks the rules, touches the tokens, and keeps
// each loan, return and loss as a journal whose intent is durable before hardware is touched and
// whose outcome is durable before anybody is told.
//
// It refuses to know screens, wires and files. A seed lives here from its making to the end of the
// write, in one goroutine; the ten codes a token should type live until one of them was seen.
package visit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Sealer seals what only the verifier may read.
type Sealer interface {
	SealSeed(feed.Record, feed.SeedBody) (feed.Record, error)
	SealProof(feed.Record, feed.ProofBody) (feed.Record, error)
	SealPasscode(feed.Record, feed.PasscodeBody) (feed.Record, error)
	SealOrder(feed.Record, feed.OrderBody) (feed.Record, error)
}

// AccessCodes derives the codes that guard slots.
type AccessCodes interface {
	// Generation is the current one; 0 means that the site has no codes.
	Generation() int
	// Code is the code of one generation for one token.
	Code(generation int, serial string) (secret.AccessCode, error)
}

// Clock tells the time and whether the network set it.
type Clock interface {
	Now() time.Time
	Synced() bool
}

// Config is what a Runner needs. All of it is required, but Codes where the site uses none.
type Config struct {
	Ledger provisioning.Ledger
	Bench  provisioning.Bench
	Sealer Sealer
	Codes  AccessCodes
	Site   provisioning.Site
	Desk   provisioning.DeskID
	Clock  Clock
	Log    *slog.Logger
	// Followed says whether the verifier is there now; nil means always. No passcode is issued while
	// it is not.
	Followed func() bool
}

// Runner is what happens at one counter.
type Runner struct {
	ledger provisioning.Ledger
	bench  provisioning.Bench
	sealer Sealer
	codes  AccessCodes
	site   provisioning.Site
	desk   provisioning.DeskID
	clock  Clock
	log    *slog.Logger
	// followed may be nil: see Config.
	followed func() bool

	// hand is full while an order takes a token over: one at a time, so that the same form posted
	// five times at once opens the token once.
	hand chan struct{}
	jobs chan job

	mu      sync.Mutex
	busy    map[string]bool // plug ids a job works with
	changed chan struct{}
	// held are the digits nobody has noted yet, kept is since when. known are those whose row was
	// seen: without one, its commit may be under way.
	held  map[provisioning.PasscodeID][]secret.Passcode
	kept  map[provisioning.PasscodeID]time.Time
	known map[provisioning.PasscodeID]bool
	// tagKey makes the tags of people in the index of the site; it has none before Hear.
	tagKey secret.Key

	// freed wakes the tending goroutine when a job has given its token back.
	freed chan struct{}
	// offered is the last plugging the tending goroutine told a visit of.
	offered offer
}

// New checks the configuration. It starts nothing: see Recover and Run.
func New(c Config) (*Runner, error) {
	if c.Site.AccessCodes && c.Codes == nil {
		return nil, errors.New("visit: the site guards its slots, and there are no access codes")
	}
	if c.Ledger == nil || c.Bench == nil || c.Sealer == nil || c.Clock == nil || c.Log == nil ||
		c.Desk == "" {
		return nil, errors.New("visit: ledger, bench, sealer, clock, log and desk are needed")
	}
	if err := c.Site.Check(); err != nil {
		return nil, fmt.Errorf("visit: %w", err)
	}
	return &Runner{
		ledger: c.Ledger, bench: c.Bench, sealer: c.Sealer, codes: c.Codes, site: c.Site,
		desk: c.Desk, clock: c.Clock, log: c.Log, followed: c.Followed,
		held: map[provisioning.PasscodeID][]secret.Passcode{},
		kept: map[provisioning.PasscodeID]time.Time{}, known: map[provisioning.PasscodeID]bool{},
		hand: make(chan struct{}, 1), jobs: make(chan job, 16),
		busy: map[string]bool{}, changed: make(chan struct{}), freed: make(chan struct{}, 1),
	}, nil
}

// Run watches deadlines and the bench and runs the journals, until ctx ends. A write or wipe under
// way is finished first; a touch that is awaited is given up, for Recover to find.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.runJobs(ctx) })
	group.Go(func() error { return r.tend(ctx) })
	defer r.forgetAll()
	return group.Wait()
}

func (r *Runner) runJobs(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			r.drop()
			return ctx.Err()
		case j := <-r.jobs:
			running.Go(func() {
				defer r.finish(j)
				j.run(ctx)
			})
		}
	}
}

// drop closes what was handed over and never began.
func (r *Runner) drop() {
	for {
		select {
		case j := <-r.jobs:
			r.finish(j)
		default:
			return
		}
	}
}

// job works with one open token until its journal is over.
type job interface {
	run(ctx context.Context)
	// close gives the token back, and wipes what is secret.
	close() error
	plug() string
}

// begin reserves the token's plugging and hands the job to Run.
func (r *Runner) begin(j job) {
	r.mu.Lock()
	r.busy[j.plug()] = true
	r.mu.Unlock()
	r.jobs <- j
}

func (r *Runner) finish(j job) {
	if err := j.close(); err != nil {
		r.log.Debug("close token", "plug", j.plug(), "err", err)
	}
	r.mu.Lock()
	delete(r.busy, j.plug())
	r.mu.Unlock()
	select {
	case r.freed <- struct{}{}:
	default:
	}
}

func (r *Runner) isBusy(plug string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy[plug]
}

// Snapshot is the newest committed state.
func (r *Runner) Snapshot() provisioning.Snapshot { return r.ledger.Snapshot() }

// Plugs are the tokens on the bench now.
func (r *Runner) Plugs() []provisioning.Plug { return r.bench.Plugs() }

// Changed is closed at the next change of Snapshot or Plugs. It needs Run.
func (r *Runner) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *Runner) announce() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Runner) now() provisioning.Now {
	return provisioning.Now{Desk: r.desk, At: r.clock.Now(), Synced: r.clock.Synced()}
}

// Acknowledge takes what the verifier holds and thinks. It makes at most one change.
func (r *Runner) Acknowledge(ctx context.Context, ack feed.Ack) error {
	_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.Acked(s, r.site, r.now(), ack)
	})
	if err != nil {
		return fmt.Errorf("take an acknowledgement: %w", err)
	}
	return nil
}

// Recover puts the state right after a stop, whatever the desk was doing. It comes before Run and
// before the first order.
func (r *Runner) Recover(ctx context.Context) error {
	for {
		more, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
			return provisioning.Recover(s, r.now())
		})
		if err != nil {
			return fmt.Errorf("recover visits: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// errNothing leaves the single writer without a change.
var errNothing = errors.New("nothing to do")

// maybe commits a change if there is one. It looks before it enters the single writer.
func (r *Runner) maybe(
	ctx context.Context, decide func(provisioning.Snapshot) (provisioning.Change, bool),
) (bool, error) {
	if _, any := decide(r.ledger.Snapshot()); !any {
		return false, nil
	}
	_, err := r.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, any := decide(s)
		if !any {
			return provisioning.Change{}, errNothing
		}
		return change, nil
	})
	if errors.Is(err, errNothing) {
		return false, nil
	}
	return err == nil, err
}
