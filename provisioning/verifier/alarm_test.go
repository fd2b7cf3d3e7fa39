package verifier_test

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// liar is a desk whose leaves are changed on the way out.
type liar struct {
	*feedtest.Desk
	on     *atomic.Bool
	change func(after int64, leaves []feed.Leaf) []feed.Leaf
}

func (l liar) Leaves(ctx context.Context, after int64, limit int) ([]feed.Leaf, error) {
	leaves, err := l.Desk.Leaves(ctx, after, limit)
	if l.on.Load() {
		leaves = l.change(after, slices.Clone(leaves))
	}
	return leaves, err
}

// A page that does not fit the signed log is not used, raises the alarm, and harms nothing: once
// the desk serves the truth again it is followed from where it was left.
func TestLyingDesk(t *testing.T) {
	for name, change := range map[string]func(int64, []feed.Leaf) []feed.Leaf{
		"omitted":   func(_ int64, l []feed.Leaf) []feed.Leaf { return l[1:] },
		"reordered": func(_ int64, l []feed.Leaf) []feed.Leaf { slices.Reverse(l); return l },
		"replayed":  func(_ int64, l []feed.Leaf) []feed.Leaf { return append(l[:1], l[0]) },
		"rewritten": func(_ int64, l []feed.Leaf) []feed.Leaf {
			l[0].Records = slices.Clone(l[0].Records)
			l[0].Records[0].Synced = false
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			var lying atomic.Bool
			desk := r.open(t, "desk1", func(c *publish.Config, _ *net.Listener) {
				c.Source = liar{c.Source.(*feedtest.Desk), &lying, change}
			})
			r.trust(t, desk, verifier.Bounds{})
			desk.expect(t, desk.Issue(feedtest.NewToken("kim")), feed.InStep)
			lying.Store(true)
			token := feedtest.NewToken("lou")
			seed, proof := desk.SealSeed(token, desk.Body(token)), desk.SealProof(token, token.Press())
			desk.Commit(seed, proof)
			desk.Commit(desk.State(feedtest.NewToken(""), feed.StateRevoked))
			status := alarmed(t, r)
			if status.Position > 2 || status.Alarm.Kind == "" {
				t.Errorf("followed to %d, alarm %+v", status.Position, status.Alarm)
			}
			if r.verify(t, "lou", token.Press()) {
				t.Error("a record of a page that does not fit was used")
			}
			lying.Store(false)
			r.trust(t, restarted(t, r, desk), verifier.Bounds{})
			desk.expect(t, proof.ID, feed.InStep)
		})
	}
}

// restarted serves the same desk under another address, so that it is followed at once.
func restarted(t *testing.T, r *rig, old *counter) *counter {
	old.stop()
	return r.serve(t, old.Desk)
}

// alarmed waits for the alarm of the only desk.
func alarmed(t *testing.T, r *rig) verifier.DeskStatus {
	t.Helper()
	return r.until(t, "an alarm", func(d verifier.DeskStatus) bool { return d.Alarm.What != "" })
}

func TestOtherFeedNeedsAnOperator(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := feedtest.NewToken("mia")
	desk.expect(t, desk.Issue(token), feed.InStep)
	// The store was made anew: an empty log under another feed id.
	anew, err := feedtest.NewDesk("desk1", r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	desk.stop()
	served := r.serve(t, anew)
	served.card.LogKey = anew.LogKey
	r.trust(t, served, verifier.Bounds{})
	if d := alarmed(t, r); d.Alarm.Kind != verifier.AlarmOtherFeed {
		t.Errorf("the alarm is %q", d.Alarm.Kind)
	}
	proof := served.Issue(feedtest.NewToken("noa"))
	if err := r.Trust(served.card, verifier.Bounds{}, true); err != nil {
		t.Fatal(err)
	}
	served.expect(t, proof, feed.InStep)
	if !r.verify(t, "mia", token.Press()) {
		t.Error("what the old feed brought was lost")
	}
}

func TestLogKeyIsPinned(t *testing.T) {
	r := newRig(t)
	desk := r.open(t, "desk1")
	other, err := feedtest.NewDesk("desk1", r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	desk.card.LogKey = other.LogKey
	r.trust(t, desk, verifier.Bounds{})
	if d := alarmed(t, r); !strings.Contains(d.Alarm.What, "another key") {
		t.Errorf("the alarm is %q", d.Alarm.What)
	}
}

// A clock that is years off, the desk's or our own, is no forgery: what was logged meanwhile stands in
// the log for ever, and the desk is followed over it. The journal says so.
func TestClockFarAhead(t *testing.T) {
	for name, c := range map[string]struct{ desk, ours time.Duration }{
		"the desk's": {desk: 366 * 24 * time.Hour},
		"our own":    {ours: -366 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, journal := &hand{}, &lines{}
			clock.move(c.ours)
			r := start(t, newDir(t), clock.set, func(c *verifier.Config) {
				c.Log = slog.New(slog.NewTextHandler(journal, nil))
			})
			desk := r.trusted(t, "desk1")
			token := feedtest.NewToken("kim")
			desk.Issue(token)
			lost := desk.State(token, feed.StateSuspended)
			lost.At = lost.At.Add(c.desk)
			desk.Commit(lost)
			desk.expect(t, desk.Issue(feedtest.NewToken("lou")), feed.InStep)
			desk.settled(t)
			if d := r.status(t).Desks[0]; d.Alarm.Stands() || d.Position < 5 {
				t.Errorf("followed to %d, alarm %q", d.Position, d.Alarm.What)
			}
			if r.verify(t, "kim", token.Press()) {
				t.Error("what the record says was not done")
			}
			if !journal.has("far in the future") {
				t.Error("the journal does not tell")
			}
		})
	}
}
