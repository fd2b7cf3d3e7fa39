package verifier

import (
	"context"
	"errors"
	"slices"
	"time"

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
	// farFuture is beyond every clock that is right, ours and the desk's.
	farFuture = 30 * 24 * time.Hour
	// emptyPages in a row without the leaves that the desk tells of are no accident: one may come
	// between a leaf and the page before it.
	emptyPages = 3
	// fewLeaves is how many are tried in every order of two.
	fewLeaves = 16
)

// accused tells which errors of a call an honest desk does not cause. A line that breaks, a desk
// that starts anew and one that is busy cause others.
func accused(err error) error {
	switch {
	case errors.Is(err, feed.ProblemBeyond), errors.Is(err, feed.ErrRolledBack):
		return forged(AlarmRolledBack)
	case errors.Is(err, feed.ProblemOtherFeed), errors.Is(err, feed.ErrOtherFeed):
		return forged(AlarmOtherFeed)
	case errors.Is(err, errTooLarge):
		return forged(AlarmTooLarge)
	case errors.Is(err, feed.ErrMalformed), errors.Is(err, feed.ErrLeaf):
		return forged(AlarmBadShape)
	}
	return err
}

// examine finds out what is wrong with a page that does not fit the tail. The page is refused
// whatever comes of it; this only finds the word for the operator.
func (f *follower) examine(ctx context.Context, tail feed.Tail, page feed.Page, err error) error {
	switch {
	case errors.Is(err, feed.ErrSigner):
		return forged(AlarmOtherKey)
	case errors.Is(err, feed.ErrCheckpoint):
		return forged(AlarmNoCheckpoint)
	case !errors.Is(err, feed.ErrFork):
		return accused(err)
	}
	signed, err := feed.OpenCheckpoint(page.Checkpoint, f.key)
	if err != nil {
		return forged(AlarmNoCheckpoint)
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
	page, err := f.wire.page(ctx, tail.Feed(), tail.Position()-1, 1, 0)
	if err != nil {
		return nil
	}
	signed, err := feed.OpenCheckpoint(page.Checkpoint, f.key)
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
				row, known, err := load[recordRow](tx, recordTable, []byte(rec.ID))
				if err != nil {
					return err
				}
				again = again || met[rec.ID] || known && row.Desk == f.desk
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
func suspect(tx *boltfile.Tx, desk string, page feed.Page, now time.Time) error {
	met := map[string]bool{}
	for i, leaf := range page.Leaves {
		for _, rec := range leaf.Records {
			row, known, err := load[recordRow](tx, recordTable, []byte(rec.ID))
			hash := rec.Hash()
			switch at := page.After + int64(i); {
			case err != nil:
				return err
			case rec.Desk != desk:
				return forged(AlarmForeignRecord)
			case met[rec.ID], known && !row.is(desk, page.Feed, at, hash[:]):
				return forged(AlarmRepeatedRecord)
			case rec.Synced && rec.At.Sub(now) > farFuture:
				return forged(AlarmFutureRecord)
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

// heads holds what a page tells of the desk's log against what was told before.
func (f *follower) heads(page feed.Page) error {
	if page.Head < f.head {
		return forged(AlarmHeadFell)
	}
	f.head = page.Head
	if len(page.Leaves) > 0 || page.Head == page.After {
		f.empty = 0
		return nil
	}
	if f.empty++; f.empty == emptyPages {
		return forged(AlarmWithheld)
	}
	return nil
}
