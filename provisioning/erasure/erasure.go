// Package erasure forgets a person: their key, and with it every row, entry and record that was
// sealed for them, while the log stays whole and the verifier is told to forget the same.
//
// Whoever still holds something of the university, or owes it something, is not forgotten. The
// package refuses to know files, keys and the wire; what it keeps of a person is an opaque mark.
package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Ledger is the store as an eraser needs it.
type Ledger interface {
	provisioning.Ledger
	// Trace looks for what the file holds of a person, from where an earlier look ended.
	Trace(ctx context.Context, person provisioning.PersonID, mentions func(string) bool,
		since provisioning.Traces) (provisioning.Traces, error)
	// Marked says who of these persons has which of these marks, in a file from before.
	Marked(ctx context.Context, marks []string) (map[string]provisioning.PersonID, error)
	// Rewrite writes the file anew without what was erased.
	Rewrite() (Rewritten, error)
}

// Rewritten says what writing the file anew came to.
type Rewritten struct {
	// Before and After are its sizes in bytes; Took is how long nobody could write.
	Before, After int64
	Took          time.Duration
}

// Config is what an eraser needs. Log may be nil.
type Config struct {
	Ledger Ledger
	// Now is the desk's clock, with its id.
	Now func() provisioning.Now
	Log *slog.Logger
}

// Eraser erases persons.
type Eraser struct{ c Config }

// New makes an eraser. It looks at nothing yet.
func New(c Config) *Eraser {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Eraser{c}
}

// Done says what an erasure came to.
type Done struct {
	// ID is the opaque mark that is left.
	ID string `json:"id"`
	// Position is the leaf that tells the verifier.
	Position int64 `json:"position"`
	// Records are those of which only a hash is left.
	Records int `json:"records"`
	Rewritten
}

// moves is how often the desk may go on with its work while what it holds of a person is gathered.
const moves = 50

// errMoved: the log is longer than it was when the traces were gathered.
var errMoved = errors.New("the desk went on meanwhile")

// Erase erases a person in the name of an operator. It returns when their key is gone and the file
// is written anew. The verifier hears of it with its next pull.
func (e *Eraser) Erase(ctx context.Context, operator string, person provisioning.PersonID,
	reason string) (Done, error) {
	d, err := e.commit(ctx, order{operator: operator, reason: reason, person: person})
	if err != nil {
		return Done{}, err
	}
	e.c.Log.Info("a person was erased", "erasure", d.ID, "records", d.Records)
	d.Rewritten, err = e.rewrite(ctx)
	return d, err
}

// commit gathers the traces beside the desk's work, and commits once nothing came in between.
func (e *Eraser) commit(ctx context.Context, o order) (d Done, err error) {
	row, _ := provisioning.Get[provisioning.Person](e.c.Ledger.Snapshot(), string(o.person))
	o.words = wordsOf(row)
	var traces provisioning.Traces
	for range moves {
		traces, err = e.c.Ledger.Trace(ctx, o.person, o.words.in, traces)
		if err != nil {
			return Done{}, err
		}
		var position int64
		position, err = e.c.Ledger.Do(ctx,
			func(s provisioning.Snapshot) (provisioning.Change, error) {
				if s.Position() != traces.Position {
					return provisioning.Change{}, errMoved
				}
				return decide(s, e.c.Now(), o, traces)
			})
		if !errors.Is(err, errMoved) {
			return Done{ID: traces.Mark, Position: position, Records: len(traces.Records)}, err
		}
	}
	return Done{}, provisioning.Refuse(CodeBusy)
}

// Apply erases again whom a file from before still knows: those whose marks the verifier kept. It
// asks nobody, and returns how many they were.
func (e *Eraser) Apply(ctx context.Context, marks []string) (int, error) {
	known, err := e.c.Ledger.Marked(ctx, marks)
	if err != nil || len(known) == 0 {
		return 0, err
	}
	for mark, person := range known {
		_, err := e.commit(ctx, order{operator: provisioning.ActorVerifier, person: person,
			reason: "erased before", again: true})
		if err != nil {
			return 0, fmt.Errorf("erase %s again: %w", mark, err)
		}
	}
	_, err = e.rewrite(ctx)
	return len(known), err
}

// ErrRewrite: the person is erased, and their key is still in free pages of the file.
var ErrRewrite = errors.New("the file could not be written anew without what was erased")

// rewrite writes the file anew and puts that on record.
func (e *Eraser) rewrite(ctx context.Context) (Rewritten, error) {
	done, err := e.c.Ledger.Rewrite()
	if err != nil {
		return done, fmt.Errorf("%w: %w", ErrRewrite, err)
	}
	_, err = e.c.Ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return settle(s, e.c.Now())
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return done, err
}

// again is how often a file that could not be written anew is tried once more.
const again = time.Hour

// Run writes the file anew when an erasure before was cut short of that, until ctx is done.
func (e *Eraser) Run(ctx context.Context) error {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		if unsettled(e.c.Ledger.Snapshot()) {
			if _, err := e.rewrite(ctx); err != nil {
				e.c.Log.Error("what was erased is still in free pages of the file", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
