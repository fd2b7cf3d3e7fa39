package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// forgery is an error that no honest desk causes.
type forgery struct {
	kind AlarmKind
	// shown is the signed checkpoint that proves it, if one does.
	shown []byte
}

// Error implements error.
func (f *forgery) Error() string { return alarmWords[f.kind] }

func forged(kind AlarmKind) error { return &forgery{kind: kind} }

const (
	// emptyPages in a row without the leaves that the desk tells of are no accident: one may come
	// between a leaf and the page before it.
	emptyPages = 3
	// fewLeaves is how many are tried in every order of two.
	fewLeaves = 16
)

// errTooLarge is returned for an answer that no desk of the contract gives.
var errTooLarge = fmt.Errorf("%w: the answer is too large", feed.ErrMalformed)

// accused tells which errors an honest desk does not cause; nil for all others. A line that breaks,
// a desk that starts anew and one that is busy cause those.
func accused(err error) *forgery {
	var lie *forgery
	if errors.As(err, &lie) {
		return lie
	}
	for _, c := range []struct {
		err  error
		kind AlarmKind
	}{
		{feed.ProblemBeyond, AlarmRolledBack}, {feed.ErrRolledBack, AlarmRolledBack},
		{feed.ProblemOtherFeed, AlarmOtherFeed}, {feed.ErrOtherFeed, AlarmOtherFeed},
		{errLogKey, AlarmOtherKey}, {feed.ErrSigner, AlarmOtherKey},
		{feed.ErrCheckpoint, AlarmNoCheckpoint}, {feed.ErrFork, AlarmRewritten},
		{feed.ErrOmitted, AlarmHidden}, {feed.ErrErasure, AlarmErased},
		{errTooLarge, AlarmTooLarge}, {feed.ErrMalformed, AlarmBadShape}, {feed.ErrLeaf, AlarmBadShape},
	} {
		if errors.Is(err, c.err) {
			return &forgery{kind: c.kind}
		}
	}
	return nil
}

// examine finds out what is wrong with a page whose signed checkpoint does not fit the tail; every
// other error stays as it is. The page is refused whatever comes of it: this only finds the word
// for the operator.
func (f *follower) examine(ctx context.Context, tail feed.Tail, page feed.Page, err error) error {
	if !errors.Is(err, feed.ErrFork) {
		return err
	}
	signed, unsigned := feed.OpenCheckpoint(page.Checkpoint, f.keys...)
	if unsigned != nil {
		return err
	}
	again, err := f.cameBefore(page)
	if err != nil {
		return err
	}
	due := tail.Expect(page.Leaves)
	switch {
	case signed.Origin != due.Origin:
		return &forgery{AlarmOtherLog, page.Checkpoint}
	case again:
		return &forgery{AlarmReplayed, page.Checkpoint}
	case signed.Size > due.Size:
		return &forgery{AlarmOmitted, page.Checkpoint}
	case signed.Size < due.Size:
		return &forgery{AlarmStaleCheckpoint, page.Checkpoint}
	case len(page.Leaves) == 0:
		return &forgery{AlarmForked, page.Checkpoint}
	case reordered(tail, page.Leaves, signed):
		return &forgery{AlarmReordered, page.Checkpoint}
	}
	if other := f.otherHistory(ctx, tail); other != nil {
		return &forgery{AlarmForked, other}
	}
	return &forgery{AlarmRewritten, page.Checkpoint}
}

// otherHistory asks the desk what it signs today for the length that was followed. Another root
// than ours is the proof of a fork.
func (f *follower) otherHistory(ctx context.Context, tail feed.Tail) []byte {
	if tail.Position() == 0 {
		return nil
	}
	query := url.Values{"feed": {tail.Feed()}, "limit": {"1"},
		"after": {strconv.FormatInt(tail.Position()-1, 10)}}
	data, err := f.wire.call(ctx, http.MethodGet, feed.PathRecords+"?"+query.Encode(), nil, 0)
	if err != nil {
		return nil
	}
	page, err := feed.DecodePage(data)
	if err != nil {
		return nil
	}
	signed, err := feed.OpenCheckpoint(page.Checkpoint, f.keys...)
	held := tail.Expect(nil)
	if err != nil || signed.Origin != held.Origin || signed.Size != held.Size ||
		signed.Root == held.Root {
		return nil
	}
	return page.Checkpoint
}

// cameBefore says whether a page brings a record that was followed before, or one twice.
func (f *follower) cameBefore(page feed.Page) (again bool, err error) {
	met := map[string]bool{}
	err = f.file.View(func(tx *boltfile.Tx) error {
		for _, leaf := range page.Leaves {
			for _, rec := range leaf.Records {
				if rec.Erased != nil {
					continue
				}
				row, known, err := load[recordRow](tx, recordTable, []byte(rec.ID))
				if err != nil {
					return err
				}
				again = again || met[rec.ID] || known && row.Desk == f.desk &&
					row.Feed == page.Feed
				met[rec.ID] = true
			}
		}
		return nil
	})
	return again, err
}

// reordered says whether the leaves fit what is signed in another order: by time, or with two of
// them, or the records of two, exchanged.
func reordered(tail feed.Tail, leaves []feed.Leaf, signed feed.Checkpoint) bool {
	fits := func(tried []feed.Leaf) bool { return tail.Expect(tried) == signed }
	if fits(slices.SortedStableFunc(slices.Values(leaves), earlier)) {
		return true
	}
	backwards := slices.Clone(leaves)
	slices.Reverse(backwards)
	if fits(backwards) {
		return true
	}
	for i := range leaves {
		for j := i + 1; j < len(leaves) && len(leaves) <= fewLeaves; j++ {
			tried := slices.Clone(leaves)
			tried[i], tried[j] = leaves[j], leaves[i]
			if fits(tried) {
				return true
			}
			tried[i].Commitment, tried[j].Commitment = leaves[i].Commitment, leaves[j].Commitment
			if fits(tried) {
				return true
			}
		}
	}
	return false
}

func earlier(a, b feed.Leaf) int {
	if len(a.Records) == 0 || len(b.Records) == 0 {
		return 0
	}
	return a.Records[0].At.Compare(b.Records[0].At)
}

// suspect looks for records that an honest desk does not publish, however well they are signed.
func suspect(tx *boltfile.Tx, desk string, page feed.Page) error {
	met := map[string]bool{}
	for i, leaf := range page.Leaves {
		for _, rec := range leaf.Records {
			if rec.Erased != nil {
				continue // its erasure is held against what was taken
			}
			row, known, err := load[recordRow](tx, recordTable, []byte(rec.ID))
			hash := rec.Hash()
			switch at := page.After + int64(i); {
			case err != nil:
				return err
			case rec.Desk != desk:
				return forged(AlarmForeignRecord)
			case met[rec.ID], known && !row.is(desk, page.Feed, at, hash[:]):
				return forged(AlarmRepeatedRecord)
			}
			met[rec.ID] = true
		}
	}
	return nil
}

// is says whether a record may be the one that was taken: the same leaf read again after an
// operator's word, or the same record in the new feed of a desk that was restored.
func (r recordRow) is(desk, feed string, position int64, hash []byte) bool {
	return r.Desk == desk && slices.Equal(r.Hash, hash) &&
		(r.Feed != feed || r.Position == position)
}

// heads is what the pages of a desk told of its log.
type heads struct {
	feed string
	// head is the most leaves it told of, and empty counts the pages in a row that lacked them.
	head  int64
	empty int
}

// hear holds what a page tells of the desk's log against what was told before.
func (h *heads) hear(tail feed.Tail, page feed.Page) error {
	if page.Feed != tail.Feed() || page.Head < tail.Position() {
		return nil // the tail finds what is wrong
	}
	if page.Feed != h.feed {
		*h = heads{feed: page.Feed}
	}
	if page.Head < h.head {
		return forged(AlarmHeadFell)
	}
	h.head = page.Head
	if len(page.Leaves) > 0 || page.Head == page.After {
		h.empty = 0
		return nil
	}
	if h.empty++; h.empty == emptyPages {
		return forged(AlarmWithheld)
	}
	return nil
}
