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
)

// The waits between two tries. While an alarm stands only an operator's act ends the wait.
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
	for {
		desks, err := v.desks()
		if err != nil {
			return err
		}
		for id, row := range desks {
			gone := row.Card != v.followedBy(id)
			if stop := running[id]; stop != nil && gone {
				stop()
				delete(running, id)
			}
			if running[id] == nil {
				own, stop := context.WithCancel(ctx)
				running[id] = stop
				v.setFollowed(id, row.Card)
				group.Go(func() {
					defer stop()
					if err := v.follow(own, row.Card); err != nil {
						cancel(err)
					}
				})
				group.Go(func() { v.knock(own, id) })
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
	keys, err := card.Verifiers()
	if err != nil {
		return fmt.Errorf("read the log key of desk %s: %w", card.Desk, err)
	}
	f := &follower{Verifier: v, desk: card.Desk, site: card.Site, card: card, keys: keys,
		limit: feed.MaxLeaves}
	f.connect()
	defer func() {
		f.wire.close()
		f.setLink(f.desk, func(l *Link) { l.shown = "" })
	}()
	pause := firstPause
	for ctx.Err() == nil {
		f.moved = false
		acted := v.nextAct()
		err := f.session(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, errGone):
			return nil
		case errors.Is(err, boltfile.ErrCommit):
			return err
		}
		if f.moved {
			pause = firstPause
		} else {
			f.turn()
		}
		pause = f.trouble(err, pause)
		select {
		case <-time.After(pause/2 + rand.N(pause/2)): // spread, so that desks do not come in step
		case <-acted:
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
	// site is the card's. It stays while the card is renewed, so that whoever tells the desk of it may
	// read it.
	site string
	card feed.DeskCard
	// keys are the log keys it may sign with: two while one is renewed.
	keys []note.Verifier
	wire wire
	// said is the newest announcement of keys, and announced its serial; shown is the pin of the
	// certificate of ours that its connections were made with.
	said      []byte
	announced int64
	shown     string
	// limit is how many leaves to ask for: half as many after a page that broke off, so that a line
	// that is always cut still brings something, and twice as many after one that came.
	limit int
	// moved says that this session brought something.
	moved bool
	// tries counts the certificates the desk was shown.
	tries int
	// row is the desk as it was when the session began, met the run of it that answered.
	row deskRow
	met feed.Instance
	// told is what the pages told of the desk's log.
	told heads
}

// trouble records why a session ended and returns how long to wait.
func (f *follower) trouble(err error, pause time.Duration) time.Duration {
	f.setLink(f.desk, func(l *Link) { l.Trouble = err.Error() })
	if lie := accused(err); lie != nil {
		f.raise(lie)
		if !lie.kind.copied() {
			return alarmPause
		}
		if err := f.stranger(); err != nil {
			f.log.Error("record a copy of a desk", "desk", f.desk, "err", err)
		}
		return tellPause
	}
	switch {
	case errors.Is(err, errStopped):
		return tellPause
	case errors.Is(err, errAlarmed):
		return alarmPause
	}
	f.log.Info("a desk is not followed", "desk", f.desk, "err", err)
	return pause
}

// session follows the desk over one good connection: it says what it holds, then pulls, stores and
// acknowledges until something fails.
func (f *follower) session(ctx context.Context) error {
	f.reconnect()
	tail, err := f.begin(ctx)
	if err != nil {
		return err
	}
	if f.row.Restore != nil && f.row.Restore.Told.IsZero() {
		if err := f.reconcile(ctx, f.row); err != nil {
			return err
		}
	}
	if err := f.acknowledge(ctx, tail); err != nil {
		return err
	}
	defer f.telling(ctx)()
	for {
		page, err := f.pull(ctx, tail)
		if err != nil {
			return err
		}
		news, err := f.store(&tail, page)
		if err != nil {
			return f.examine(ctx, tail, page, err)
		}
		f.reconnect()
		told, err := f.takeUp(tail, page.Keys)
		if err != nil {
			return err
		}
		f.setLink(f.desk, func(l *Link) {
			l.Seen, l.Head, l.Position, l.Trouble = f.clock(), page.Head, tail.Position(), ""
		})
		if !f.moved {
			if err := f.followed(f.row); err != nil {
				return err
			}
		}
		f.moved = true
		if !news {
			// A passcode may have ended meanwhile: the desk hears of it with this poll.
			if news, err = f.owes(f.desk); err != nil {
				return err
			}
		}
		if news || told {
			if err := f.acknowledge(ctx, tail); err != nil {
				return err
			}
		}
	}
}

// pull takes the next page.
func (f *follower) pull(ctx context.Context, tail feed.Tail) (feed.Page, error) {
	// The first page is not waited for: it tells whether this is the log that was followed.
	wait := pollWait
	if !f.moved {
		wait = 0
	}
	limit := f.row.upTo(tail, f.limit)
	page, err := f.wire.records(ctx, tail, limit, wait)
	switch {
	case err == nil && len(page.Leaves) > limit:
		// It would step over the checkpoint that a restored log goes through.
		err = fmt.Errorf("%w: more leaves than were asked for", feed.ErrMalformed)
	case errors.Is(err, feed.ProblemBeyond):
		err = feed.ErrRolledBack
	case errors.Is(err, feed.ProblemOtherFeed):
		err = feed.ErrOtherFeed
	}
	if err != nil {
		f.limit = max(1, f.limit/2)
		return page, err
	}
	f.limit = min(2*f.limit, feed.MaxLeaves)
	return page, f.told.hear(tail, page)
}

// begin asks the desk who it is, and finds where its feed was left.
func (f *follower) begin(ctx context.Context) (feed.Tail, error) {
	meta, err := f.wire.meta(ctx)
	switch {
	case err != nil:
		return feed.Tail{}, err
	case !feed.Compatible(meta.Version):
		return feed.Tail{}, feed.ProblemVersion
	case meta.Desk != f.desk:
		return feed.Tail{}, forged(AlarmOtherDesk)
	case !f.card.SignsWith(meta.LogKey):
		return feed.Tail{}, errLogKey
	}
	if f.row, err = f.admit(ctx, meta); err != nil {
		return feed.Tail{}, err
	}
	tail, err := f.row.tail()
	switch {
	case err != nil:
		return feed.Tail{}, err
	case tail.Feed() == "" && f.row.Restore != nil && f.row.Restore.Feed != meta.Feed:
		return feed.Tail{}, feed.ErrOtherFeed
	case tail.Feed() == "":
		tail = feed.NewTail(f.desk, meta.Feed)
	case tail.Feed() != meta.Feed:
		return feed.Tail{}, feed.ErrOtherFeed
	case meta.Head < tail.Position():
		return feed.Tail{}, feed.ErrRolledBack
	}
	if err := f.doubts(tail, meta.Head); err != nil {
		return feed.Tail{}, err
	}
	f.setLink(f.desk, func(l *Link) {
		l.Seen, l.Head, l.Position = f.clock(), meta.Head, tail.Position()
	})
	return tail, nil
}

// store checks a page and makes it durable. News is whether the desk has to hear of it: leaves
// without records are followed in silence, because an ack may be a leaf itself.
func (f *follower) store(tail *feed.Tail, page feed.Page) (news bool, err error) {
	next, err := tail.Next(page, f.keys...)
	if err != nil {
		return false, err
	}
	if next.Position() == tail.Position() {
		if err := f.nothingHidden(f.desk); err != nil {
			return false, err
		}
		return false, f.caughtUp(f.desk)
	}
	if err := f.apply(f.desk, page, next); err != nil {
		return false, fmt.Errorf("store a page: %w", err)
	}
	*tail = next
	f.tellAhead(page)
	for _, leaf := range page.Leaves {
		news = news || len(leaf.Records) > 0
	}
	return news, nil
}

// farFuture is beyond every clock that is right, ours and the desk's.
const farFuture = 30 * 24 * time.Hour

// tellAhead says in the journal that a clock is wrong, the desk's or ours. It is no forgery: the
// record stands in the log for ever, and no right is taken from its time.
func (f *follower) tellAhead(page feed.Page) {
	now := f.clock()
	for _, leaf := range page.Leaves {
		for _, rec := range leaf.Records {
			if rec.Synced && rec.At.Sub(now) > farFuture {
				f.log.Warn("a record was made far in the future, by a clock that the desk calls right",
					"desk", f.desk, "record", rec.ID, "at", rec.At)
				return
			}
		}
	}
}

// acknowledge tells the desk what is durable here, with every verdict it did not confirm yet.
// Verdicts are forgotten only when the desk answered, so that a cut on the way repeats them.
func (f *follower) acknowledge(ctx context.Context, tail feed.Tail) error {
	for {
		verdicts, err := f.pending(f.desk)
		if err != nil {
			return err
		}
		ack := feed.Ack{Feed: tail.Feed(), Position: tail.Position(), Verdicts: verdicts,
			Keys: f.announced}
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
