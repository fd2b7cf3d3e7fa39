package feed_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

func newDesk(t testing.TB) (*feedtest.Desk, note.Verifier) {
	t.Helper()
	holders, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(desk.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	return desk, key
}

// stateRecord is a record that needs no sealing.
func stateRecord(d *feedtest.Desk) feed.Record {
	rec := d.Record(feedtest.RandomID())
	rec.Kind, rec.State = feed.KindState, feed.StateRevoked
	return rec
}

func page(t testing.TB, d *feedtest.Desk, after int64, limit int) feed.Page {
	t.Helper()
	p, err := d.Page(after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever the page sizes, a tail that followed a desk has the root the desk's own tree has, also
// when it was written and read between any two pages.
func TestTailFollowsAnySplit(t *testing.T) {
	desk, key := newDesk(t)
	for i := range 70 {
		if i%3 == 0 {
			desk.Commit(stateRecord(desk))
		} else {
			desk.Commit()
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		tail := feed.NewTail(desk.ID, desk.Feed)
		for tail.Position() < desk.Head() {
			limit := rapid.IntRange(0, 20).Draw(rt, "limit")
			p := page(t, desk, tail.Position(), limit)
			next, err := tail.Next(p, key)
			if err != nil {
				rt.Fatal(err)
			}
			written, err := next.MarshalBinary()
			if err != nil {
				rt.Fatal(err)
			}
			if err := tail.UnmarshalBinary(written); err != nil {
				rt.Fatal(err)
			}
			if tail.Root() != next.Root() || tail.Position() != next.Position() {
				rt.Fatal("the tail came back another")
			}
		}
	})
}

func TestTailRefuses(t *testing.T) {
	desk, key := newDesk(t)
	for range 9 {
		desk.Commit(stateRecord(desk))
	}
	start, err := feed.NewTail(desk.ID, desk.Feed).Next(page(t, desk, 0, 3), key)
	if err != nil {
		t.Fatal(err)
	}
	otherDesk, otherKey := newDesk(t)
	for range 9 {
		otherDesk.Commit()
	}
	leaves := func(f func([]feed.Leaf) []feed.Leaf) func(*feed.Page) {
		return func(p *feed.Page) { p.Leaves = f(slices.Clone(p.Leaves)) }
	}
	for _, c := range []struct {
		name   string
		change func(*feed.Page)
		want   error
	}{
		{"omitted", leaves(func(l []feed.Leaf) []feed.Leaf {
			return slices.Delete(l, 1, 2)
		}), feed.ErrFork},
		{"truncated", leaves(func(l []feed.Leaf) []feed.Leaf { return l[:3] }), feed.ErrFork},
		{"reordered", leaves(func(l []feed.Leaf) []feed.Leaf {
			l[0], l[1] = l[1], l[0]
			return l
		}), feed.ErrFork},
		{"doubled", leaves(func(l []feed.Leaf) []feed.Leaf { return append(l, l[0]) }), feed.ErrFork},
		{"rewritten", leaves(func(l []feed.Leaf) []feed.Leaf {
			l[2].Records = slices.Clone(l[2].Records)
			l[2].Records[0].State = feed.StateResumed
			return l
		}), feed.ErrFork},
		{"record removed", leaves(func(l []feed.Leaf) []feed.Leaf {
			l[2].Records = nil
			return l
		}), feed.ErrFork},
		{"short commitment", leaves(func(l []feed.Leaf) []feed.Leaf {
			l[0].Commitment = l[0].Commitment[:31]
			return l
		}), feed.ErrLeaf},
		{"replayed", func(p *feed.Page) { *p = page(t, desk, 0, 6) }, feed.ErrElsewhere},
		{"jumped", func(p *feed.Page) { *p = page(t, desk, 4, 2) }, feed.ErrElsewhere},
		{"jump hidden", func(p *feed.Page) { *p = page(t, desk, 4, 2); p.After = 3 }, feed.ErrFork},
		{"rolled back", func(p *feed.Page) { p.Leaves, p.Head = nil, 2 }, feed.ErrRolledBack},
		{"other feed", func(p *feed.Page) { p.Feed = "another" }, feed.ErrOtherFeed},
		{"old checkpoint", func(p *feed.Page) {
			p.Checkpoint = page(t, desk, 0, 3).Checkpoint
		}, feed.ErrFork},
		{"other signer", func(p *feed.Page) {
			origin := feed.Origin(desk.ID, desk.Feed)
			p.Checkpoint, _ = otherDesk.Sign(feed.Checkpoint{Origin: origin, Size: 9})
		}, feed.ErrFork},
		{"other origin", func(p *feed.Page) {
			p.Checkpoint, _ = desk.Sign(feed.Checkpoint{Origin: "desk2/" + desk.Feed, Size: 9})
		}, feed.ErrFork},
		{"no checkpoint", func(p *feed.Page) { p.Checkpoint = nil }, feed.ErrFork},
		{"signed nonsense", func(p *feed.Page) { p.Checkpoint[0]++ }, feed.ErrFork},
	} {
		p := page(t, desk, 3, 6)
		p.Checkpoint = bytes.Clone(p.Checkpoint)
		c.change(&p)
		after, err := start.Next(p, key)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if after.Position() != start.Position() || after.Root() != start.Root() {
			t.Errorf("%s: the tail moved", c.name)
		}
	}
	if _, err := start.Next(page(t, desk, 3, 6), otherKey); !errors.Is(err, feed.ErrFork) {
		t.Errorf("another key: %v", err)
	}
	if _, err := start.Next(page(t, desk, 3, 6), key); err != nil {
		t.Errorf("the honest page: %v", err)
	}
}

func TestEmptyTail(t *testing.T) {
	desk, key := newDesk(t)
	empty, err := feed.NewTail(desk.ID, desk.Feed).Next(page(t, desk, 0, 5), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tlog.TreeHash(0, nil)
	if err != nil || empty.Root() != root {
		t.Errorf("root of nothing is %v, want %v (%v)", empty.Root(), root, err)
	}
}

// What decodes encodes to the same bytes.
func FuzzTail(f *testing.F) {
	desk, key := newDesk(f)
	for range 11 {
		desk.Commit()
	}
	tail, err := feed.NewTail(desk.ID, desk.Feed).Next(page(f, desk, 0, 11), key)
	if err != nil {
		f.Fatal(err)
	}
	written, _ := tail.MarshalBinary()
	f.Add(written)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var tail feed.Tail
		if tail.UnmarshalBinary(data) != nil {
			return
		}
		again, err := tail.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(data, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
