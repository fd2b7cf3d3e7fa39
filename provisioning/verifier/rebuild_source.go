package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// source is one desk a verifier is rebuilt from: its leaves, checked and opened page by page.
type source struct {
	*follower
	keys *feed.Opener
	row  deskRow
	tail feed.Tail
	// queue are the leaves with records that wait, and at is when the first of them was made: by the
	// desk's clock, but never before the leaf in front of it.
	queue [][]opened
	at    time.Time
	ended bool
	Rebuilt
}

// await asks the desk until it answers.
func (s *source) await(ctx context.Context, told func(string, error)) error {
	var last string
	for {
		// Where the desk was left before counts for nothing: the rebuild begins at its first leaf.
		meta, err := s.wire.meta(ctx)
		switch {
		case err == nil && !feed.Compatible(meta.Version):
			return feed.ProblemVersion
		case err == nil && meta.Desk != s.desk:
			return fmt.Errorf("the desk at %s is %s, not %s", s.card.FeedURL, meta.Desk, s.desk)
		case err == nil:
			s.tail = feed.NewTail(s.desk, meta.Feed)
			return nil
		case err.Error() != last:
			last = err.Error()
			told(s.desk, err)
		}
		select {
		case <-time.After(reconnect):
		case <-ctx.Done():
			return fmt.Errorf("desk %s does not answer: %w", s.desk, err)
		}
	}
}

// fill makes the queue begin with the desk's next leaf that has records, or ends the source.
func (s *source) fill(ctx context.Context) error {
	for len(s.queue) == 0 && !s.ended {
		page, err := s.page(ctx, feed.MaxLeaves)
		if err != nil {
			return err
		}
		if own := s.firstOwn(page); own >= 0 {
			// From here on the desk seals for this verifier, which follows it as any other.
			s.ended = true
			if own == 0 {
				return nil
			}
			if page, err = s.page(ctx, own); err != nil {
				return err
			}
		}
		if err := s.take(page); err != nil {
			return err
		}
	}
	return nil
}

// page asks for what the desk has now, without waiting for more.
func (s *source) page(ctx context.Context, limit int) (feed.Page, error) {
	query := url.Values{"feed": {s.tail.Feed()}, "limit": {strconv.Itoa(limit)},
		"after": {strconv.FormatInt(s.tail.Position(), 10)}}
	data, err := s.wire.call(ctx, http.MethodGet, feed.PathRecords+"?"+query.Encode(), nil, 0)
	if err != nil {
		return feed.Page{}, fmt.Errorf("ask desk %s for records: %w", s.desk, err)
	}
	page, err := feed.DecodePage(data)
	if err == nil && len(page.Leaves) > limit {
		err = feed.ErrMalformed
	}
	return page, err
}

// firstOwn is the first leaf with a body that is sealed to the verifier that is rebuilt, or -1.
func (s *source) firstOwn(page feed.Page) int {
	own := feed.KeyID(s.sealed().Public())
	for i, leaf := range page.Leaves {
		for _, rec := range leaf.Records {
			if to := rec.SealedTo(); len(to) > 0 && to[0] == own {
				return i
			}
		}
	}
	return -1
}

// take checks a page against all before it and opens it. An empty one is the end.
func (s *source) take(page feed.Page) error {
	next, err := s.tail.Next(page, s.follower.keys...)
	if err != nil {
		return fmt.Errorf("the log of desk %s does not fit: %w", s.desk, err)
	}
	if err := s.hide(page); err != nil {
		return err
	}
	after := s.tail.Position()
	s.tail, s.row.Checkpoint = next, page.Checkpoint
	s.ended = s.ended || len(page.Leaves) == 0
	for i, leaf := range page.Leaves {
		if len(leaf.Records) == 0 {
			continue
		}
		var all []opened
		for _, rec := range leaf.Records {
			if rec.Erased != nil {
				continue
			}
			all = append(all, opened{Record: rec, position: after + int64(i)})
		}
		if len(all) > 0 {
			s.queue = append(s.queue, all)
		}
	}
	s.advance()
	return s.open()
}

// hide remembers what the page shows as erased, until the erasure that names it is taken.
func (s *source) hide(page feed.Page) error {
	shown := func(leaf feed.Leaf) bool {
		return slices.ContainsFunc(leaf.Records, func(r feed.Record) bool { return r.Erased != nil })
	}
	if !slices.ContainsFunc(page.Leaves, shown) {
		return nil
	}
	return s.file.Update(func(tx *boltfile.Tx) error { return hide(tx, s.desk, page) })
}

// open opens what waits, on every core. A body that is sealed to keys which are not here ends the
// rebuild: half of a desk is worse than none.
func (s *source) open() error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, leaf := range s.queue {
		for i := range leaf {
			group.Go(func() error { return s.openOne(&leaf[i]) })
		}
	}
	return group.Wait()
}

func (s *source) openOne(o *opened) error {
	switch o.Kind {
	case feed.KindSeed:
		o.seed, o.err = s.keys.OpenSeed(o.Record)
	case feed.KindProof:
		o.proof, o.err = s.keys.OpenProof(o.Record)
	case feed.KindOrder:
		o.order, o.err = s.keys.OpenOrder(o.Record)
	}
	if to := o.SealedTo(); errors.Is(o.err, feed.ErrSealed) && len(to) == 2 && !s.keys.Holds(to...) {
		return fmt.Errorf("%w: desk %s has records sealed to the escrow key %s; give that one, too",
			ErrEscrow, s.desk, to[1])
	}
	return nil
}

// pop takes the first leaf out of the queue.
func (s *source) pop() []opened {
	leaf := s.queue[0]
	s.queue = s.queue[1:]
	s.advance()
	return leaf
}

func (s *source) advance() {
	if len(s.queue) > 0 && s.queue[0][0].At.After(s.at) {
		s.at = s.queue[0][0].At
	}
}

// wipe drops the seeds that were opened and not used.
func (s *source) wipe() {
	for _, leaf := range s.queue {
		wipeSeeds(leaf)
	}
}

func wipeSeeds(records []opened) {
	for _, rec := range records {
		rec.seed.Seed.Wipe()
	}
}
