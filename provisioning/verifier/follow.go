package verifier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// The waits between two tries. An alarm is not retried eagerly: what the desk signed stays signed.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	alarmPause   = time.Minute
)

// errLogKey: the desk says that it signs with another key than the pinned one.
var errLogKey = errors.New("the desk signs its log with another key than the pinned one")

// supervise keeps one follower for each trusted desk, as the desks come and go.
func (v *Verifier) supervise(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	running := map[string]context.CancelFunc{}
	cards := map[string]feed.DeskCard{}
	for {
		desks, err := v.desks()
		if err != nil {
			return err
		}
		for id, row := range desks {
			gone := !row.Revoked.IsZero() || row.Card != cards[id]
			if stop := running[id]; stop != nil && gone {
				stop()
				delete(running, id)
			}
			if running[id] == nil && row.Revoked.IsZero() {
				own, stop := context.WithCancel(ctx)
				running[id], cards[id] = stop, row.Card
				group.Go(func() {
					defer stop()
					if err := v.follow(own, row.Card); err != nil {
						cancel(err)
					}
				})
			}
		}
		select {
		case <-v.poke:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow pulls one desk until ctx is done, whatever the desk or the network does. Only a disk of
// our own that fails ends it with an error.
func (v *Verifier) follow(ctx context.Context, card feed.DeskCard) error {
	key, err := note.NewVerifier(card.LogKey)
	if err != nil {
		return fmt.Errorf("read the log key of desk %s: %w", card.Desk, err)
	}
	f := &follower{Verifier: v, desk: card.Desk, card: card, key: key,
		wire: newWire(card, v.follower), limit: feed.MaxLeaves}
	defer f.wire.close()
	pause := firstPause
	for ctx.Err() == nil {
		f.moved = false
		err := f.session(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, errRevoked):
			return nil
		case errors.Is(err, boltfile.ErrCommit):
			return err
		}
		if f.moved {
			pause = firstPause
		}
		pause = f.trouble(err, pause)
		select {
		case <-time.After(pause/2 + rand.N(pause/2)): // spread, so that desks do not come in step
		case <-ctx.Done():
		}
		pause = min(2*pause, longestPause)
	}
	return nil
}

// follower is the verifier's end of one feed.
type follower struct {
	*Verifier
	desk string
	card feed.DeskCard
	key  note.Verifier
	wire wire
	// limit is how many leaves to ask for: half as many after a page that broke off, so that a line
	// that is always cut still brings something, and twice as many after one that came.
	limit int
	// moved says that this session brought something.
	moved bool
}

// trouble records why a session ended and returns how long to wait.
func (f *follower) trouble(err error, pause time.Duration) time.Duration {
	f.setLink(f.desk, func(l *Link) { l.Trouble = err.Error() })
	for _, alarm := range []error{feed.ErrFork, feed.ErrRolledBack, feed.ErrOtherFeed, errLogKey,
		feed.ErrLeaf, feed.ErrCheckpoint} {
		if errors.Is(err, alarm) {
			f.log.Error("a desk's log does not fit", systemd.DeskAlarm.Attr(), "desk", f.desk,
				"err", alarm)
			if err := f.alarm(f.desk, alarm.Error()); err != nil {
				f.log.Error("record an alarm", "desk", f.desk, "err", err)
			}
			return alarmPause
		}
	}
	f.log.Info("a desk is not followed", "desk", f.desk, "err", err)
	return pause
}

// session follows the desk over one good connection: it says what it holds, then pulls, stores and
// acknowledges until something fails.
func (f *follower) session(ctx context.Context) error {
	tail, err := f.begin(ctx)
	if err != nil {
		return err
	}
	if err := f.acknowledge(ctx, tail); err != nil {
		return err
	}
	for {
		page, err := f.wire.records(ctx, tail, f.limit)
		if errors.Is(err, feed.ProblemBeyond) {
			err = feed.ErrRolledBack
		}
		if errors.Is(err, feed.ProblemOtherFeed) {
			err = feed.ErrOtherFeed
		}
		if err != nil {
			f.limit = max(1, f.limit/2)
			return err
		}
		f.limit = min(2*f.limit, feed.MaxLeaves)
		news, err := f.store(&tail, page)
		if err != nil {
			return err
		}
		f.setLink(f.desk, func(l *Link) {
			l.Seen, l.Head, l.Position, l.Trouble = f.clock(), page.Head, tail.Position(), ""
		})
		f.moved = true
		if !news {
			// A passcode may have ended meanwhile: the desk hears of it with this poll.
			if news, err = f.owes(f.desk); err != nil {
				return err
			}
		}
		if news {
			if err := f.acknowledge(ctx, tail); err != nil {
				return err
			}
		}
	}
}

// begin asks the desk who it is, and finds where its feed was left.
func (f *follower) begin(ctx context.Context) (feed.Tail, error) {
	meta, err := f.wire.meta(ctx)
	switch {
	case err != nil:
		return feed.Tail{}, err
	case !feed.Compatible(meta.Version):
		return feed.Tail{}, feed.ProblemVersion
	case meta.Desk != f.desk, meta.LogKey != f.card.LogKey:
		return feed.Tail{}, errLogKey
	}
	tail, err := f.tail(f.desk)
	switch {
	case err != nil:
		return feed.Tail{}, err
	case tail.Feed() == "":
		tail = feed.NewTail(f.desk, meta.Feed)
	case tail.Feed() != meta.Feed:
		return feed.Tail{}, feed.ErrOtherFeed
	case meta.Head < tail.Position():
		return feed.Tail{}, feed.ErrRolledBack
	}
	f.setLink(f.desk, func(l *Link) {
		l.Seen, l.Head, l.Position = f.clock(), meta.Head, tail.Position()
	})
	return tail, nil
}

// store checks a page and makes it durable. News is whether the desk has to hear of it: leaves
// without records are followed in silence, because an ack may be a leaf itself.
func (f *follower) store(tail *feed.Tail, page feed.Page) (news bool, err error) {
	next, err := tail.Next(page, f.key)
	if err != nil || next.Position() == tail.Position() {
		return false, err
	}
	if err := f.apply(f.desk, page, next); err != nil {
		return false, fmt.Errorf("store a page: %w", err)
	}
	*tail = next
	for _, leaf := range page.Leaves {
		news = news || len(leaf.Records) > 0
	}
	return news, nil
}

// acknowledge tells the desk what is durable here, with every verdict it did not confirm yet.
// Verdicts are forgotten only when the desk answered, so that a cut on the way repeats them.
func (f *follower) acknowledge(ctx context.Context, tail feed.Tail) error {
	for {
		verdicts, err := f.pending(f.desk)
		if err != nil {
			return err
		}
		ack := feed.Ack{Feed: tail.Feed(), Position: tail.Position(), Verdicts: verdicts}
		if err := f.wire.acknowledge(ctx, ack); err != nil {
			return err
		}
		if len(verdicts) == 0 {
			return nil
		}
		if err := f.forget(f.desk, verdicts); err != nil {
			return err
		}
		if len(verdicts) < feed.MaxVerdicts {
			return nil
		}
	}
}
