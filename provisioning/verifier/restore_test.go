package verifier_test

import (
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// telling takes what the verifier tells.
func telling(told *feedtest.Told) misbehaviour {
	return func(c *publish.Config, _ *net.Listener) { c.Told = told }
}

// restored serves a desk made from the first leaves of another, and makes its card.
func (r *rig) restored(t *testing.T, old *counter, size int64,
	told *feedtest.Told) (*counter, feed.RestoreCard) {
	t.Helper()
	again, err := old.Restored(r.Bundle, size)
	if err != nil {
		t.Fatal(err)
	}
	served := r.serve(t, again, telling(told))
	card, err := old.RestoreCard(served.card, again, size)
	if err != nil {
		t.Fatal(err)
	}
	return served, card
}

// TestAcceptRestore: rows come back and never seeds, what was known stays as it was, and a copy
// with the old keys is refused wherever it answers.
func TestAcceptRestore(t *testing.T) {
	r := start(t, newDir(t))
	toldOld, toldNew := &feedtest.Told{}, &feedtest.Told{}
	old := r.trusted(t, "desk1", telling(toldOld))
	early, later, gone := feedtest.NewToken("kim"), feedtest.NewToken("lou"), feedtest.NewToken("max")
	old.expect(t, old.Issue(early), feed.InStep)
	erased := feedtest.NewToken("erin")
	old.expect(t, old.Issue(erased), feed.InStep)
	old.Commit(old.State(erased, feed.StateRevoked))
	size := old.Head()
	old.expect(t, old.Issue(later), feed.InStep)
	old.expect(t, old.Issue(gone), feed.InStep)
	old.Commit(old.State(gone, feed.StateRevoked))
	waiting := feedtest.NewToken("noa")
	old.Commit(old.SealSeed(waiting, old.Body(waiting)))
	old.settled(t)
	used := later.Press()
	if !r.verify(t, "lou", used) {
		t.Fatal("a token does not sign in")
	}

	again, card := r.restored(t, old, size, toldNew)
	weighed, err := r.AcceptRestore(card, false)
	if err != nil || weighed.Accepted || weighed.OldFeed != old.Feed || weighed.NewFeed != again.Feed ||
		weighed.Backup != size || weighed.Since != 3 {
		t.Fatalf("weighed: %+v, %v", weighed, err)
	}
	if d := r.status(t).Desks[0]; !d.Restored.IsZero() || len(d.Replaced) > 0 {
		t.Fatalf("weighing changed %+v", d)
	}
	mark := old.Erase(erased.Credential)
	old.settled(t)
	for range 2 { // twice is as good as once
		if done, err := r.AcceptRestore(card, true); err != nil || !done.Accepted {
			t.Fatalf("accepted: %+v, %v", done, err)
		}
	}
	again.settled(t)
	rows, erasures, done := toldNew.Rows()
	if !done || len(erasures) != 1 || erasures[0] != mark {
		t.Errorf("done %v, erasures %v", done, erasures)
	}
	want := map[string]feed.KnownState{early.Credential: feed.KnownActive,
		later.Credential: feed.KnownActive, gone.Credential: feed.KnownEnded,
		waiting.Credential: feed.KnownWaiting, erased.Credential: feed.KnownEnded}
	for _, row := range rows {
		fresh := row.Credential != early.Credential && row.Credential != erased.Credential
		if want[row.Credential] != row.State || row.New != fresh {
			t.Errorf("row %+v, want %s", row, want[row.Credential])
		}
		if row.Credential == later.Credential && (row.Next != 2 || row.User != "lou") {
			t.Errorf("the counter of lou is told as %+v", row)
		}
		delete(want, row.Credential)
	}
	if len(want) > 0 || rows[0].State != feed.KnownEnded {
		t.Errorf("not told: %v; first %+v", want, rows[0])
	}
	if r.verify(t, "lou", used) || !r.verify(t, "lou", later.Press()) || !r.verify(t, "kim", early.Press()) {
		t.Error("a counter was lowered, or a token that was lent does not sign in any more")
	}
	again.expect(t, again.Issue(feedtest.NewToken("pat")), feed.InStep)

	// The old copy still answers at the old address.
	d := r.until(t, "the old copy is told", func(d verifier.DeskStatus) bool {
		return len(d.Replaced) == 1 && !d.Replaced[0].Told.IsZero()
	})
	if d.Replaced[0].Feed != old.Feed || d.Replaced[0].URL != old.card.FeedURL || d.Alarm.What != "" {
		t.Errorf("the verifier says %+v", d)
	}
	halts := toldOld.Halts()
	if len(halts) == 0 || halts[0].Reason != feed.HaltRestored || !strings.Contains(halts[0].Detail, again.Feed) {
		t.Errorf("the old copy was told %+v", halts)
	}
	if len(toldNew.Halts()) > 0 {
		t.Error("the restored desk was told to stop")
	}
}

// TestOldCopyAtTheNewAddress: the restored box is off, and somebody starts the old one where it
// was reached.
func TestOldCopyAtTheNewAddress(t *testing.T) {
	r := newRig(t)
	told := &feedtest.Told{}
	old := r.trusted(t, "desk1", telling(told))
	old.expect(t, old.Issue(feedtest.NewToken("kim")), feed.InStep)
	again, card := r.restored(t, old, old.Head(), &feedtest.Told{})
	again.stop()
	card.Card.FeedURL = old.card.FeedURL
	if err := old.Prove(&card); err != nil {
		t.Fatal(err)
	}
	if _, err := r.AcceptRestore(card, true); err != nil {
		t.Fatal(err)
	}
	d := r.until(t, "the old copy is told", func(d verifier.DeskStatus) bool {
		return len(d.Replaced) == 1 && !d.Replaced[0].Told.IsZero()
	})
	if d.Replaced[0].URL != old.card.FeedURL || len(told.Halts()) == 0 {
		t.Errorf("%+v, told %v", d.Replaced, told.Halts())
	}
}

// TestRestoreIsRefused: a card that was not made from a backup of this desk is not accepted.
func TestRestoreIsRefused(t *testing.T) {
	r := newRig(t)
	old := r.trusted(t, "desk1")
	old.expect(t, old.Issue(feedtest.NewToken("kim")), feed.InStep)
	old.settled(t)
	r.until(t, "everything is followed", func(d verifier.DeskStatus) bool { return d.Position == old.Head() })
	stranger, err := feedtest.NewDesk("desk1", r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		stranger.Commit()
	}
	for name, c := range map[string]struct {
		change func(*feed.RestoreCard) error
		want   error
	}{
		"another log key":  {stranger.Prove, feed.ErrRestoreProof},
		"changed after it": {func(c *feed.RestoreCard) error { c.Card.FeedURL += "0"; return nil }, feed.ErrRestoreProof},
		"another feed": {func(c *feed.RestoreCard) error {
			c.From = feedtest.RandomID()
			return old.Prove(c)
		}, verifier.ErrNotFrom},
		"another log": {func(c *feed.RestoreCard) error {
			other, err := stranger.RestoreCard(c.Card, stranger, 2)
			c.Root = other.Root
			return errors.Join(err, old.Prove(c))
		}, verifier.ErrNotThatLog},
		"another desk": {func(c *feed.RestoreCard) error {
			c.Card.Desk = "desk2"
			return old.Prove(c)
		}, verifier.ErrUnknownDesk},
	} {
		_, card := r.restored(t, old, old.Head(), nil)
		if err := c.change(&card); err != nil {
			t.Fatal(err)
		}
		if _, err := r.AcceptRestore(card, true); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRestoreOfAStolenDesk: it comes back under its id without the box of the thief being trusted for
// a moment. Bounds and suspensions stay, and a card that was accepted before lifts no revocation.
func TestRestoreOfAStolenDesk(t *testing.T) {
	r := newRig(t)
	told := &feedtest.Told{}
	stolen := r.open(t, "desk1", telling(told))
	bounds := verifier.Bounds{Users: []string{"kim", "lou", "pat"}, PerHour: 50}
	r.trust(t, stolen, bounds)
	kim, lou := feedtest.NewToken("kim"), feedtest.NewToken("lou")
	stolen.expect(t, stolen.Issue(kim), feed.InStep)
	size, theft := stolen.Head(), time.Now()
	stolen.expect(t, stolen.Issue(lou), feed.InStep)
	stolen.settled(t)
	if list, err := r.RevokeDesk("desk1", theft); err != nil || len(list) != 1 {
		t.Fatalf("suspended %v, %v", list, err)
	}
	again, card := r.restored(t, stolen, size, &feedtest.Told{})
	weighed, err := r.AcceptRestore(card, false)
	if err != nil || weighed.Accepted || weighed.Revoked.IsZero() {
		t.Fatalf("weighed: %+v, %v", weighed, err)
	}
	if d := r.status(t).Desks[0]; d.Revoked.IsZero() {
		t.Fatal("weighing lifted the revocation")
	}
	if done, err := r.AcceptRestore(card, true); err != nil || !done.Accepted {
		t.Fatalf("accepted: %+v, %v", done, err)
	}
	again.expect(t, again.Issue(feedtest.NewToken("pat")), feed.InStep)
	d := r.until(t, "the box of the thief is told", func(d verifier.DeskStatus) bool {
		return len(d.Replaced) == 1 && !d.Replaced[0].Told.IsZero()
	})
	if !d.Revoked.IsZero() || !reflect.DeepEqual(d.Bounds, bounds) || len(told.Halts()) == 0 {
		t.Errorf("%+v, told %v", d, told.Halts())
	}
	if r.verify(t, "lou", lou.Press()) || !r.verify(t, "kim", kim.Press()) {
		t.Error("what was suspended came back, or what was not did not stay")
	}
	if err := r.Trust(stolen.card, bounds, false); !errors.Is(err, verifier.ErrOldCard) {
		t.Errorf("the card of the thief's box is trusted again: %v", err)
	}
	if _, err := r.RevokeDesk("desk1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.AcceptRestore(card, true); !errors.Is(err, verifier.ErrRestoreRevoked) {
		t.Errorf("its card of before is accepted again: %v", err)
	}
}

// eager is a desk that sends all it has, however little is asked for.
type eager struct{ *feedtest.Desk }

func (e eager) Leaves(ctx context.Context, after int64, _ int) ([]feed.Leaf, error) {
	return e.Desk.Leaves(ctx, after, feed.MaxLeaves)
}

// TestRestoredLogPassesThroughItsCheckpoint: a log that is not the one it says it goes on from is
// found when it is followed, however long it is by then, and steps over no checkpoint.
func TestRestoredLogPassesThroughItsCheckpoint(t *testing.T) {
	for name, c := range map[string]struct {
		serve misbehaviour
		want  verifier.AlarmKind
	}{
		"by pages as asked": {telling(&feedtest.Told{}), verifier.AlarmForked},
		"by one large page": {func(c *publish.Config, _ *net.Listener) {
			c.Told, c.Source = &feedtest.Told{}, eager{c.Source.(*feedtest.Desk)}
		}, verifier.AlarmBadShape},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			old := r.trusted(t, "desk1")
			old.expect(t, old.Issue(feedtest.NewToken("kim")), feed.InStep)
			old.settled(t)
			size := old.Head()
			old.stop()
			r.passesThrough(t, old, size, c.serve, c.want)
		})
	}
}

// passesThrough lets a log go on from an earlier leaf than its card says.
func (r *rig) passesThrough(t *testing.T, old *counter, size int64, serve misbehaviour,
	want verifier.AlarmKind) {
	again, err := old.Restored(r.Bundle, size-1)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again.Commit()
	}
	proof := again.Issue(feedtest.NewToken("lou"))
	served := r.serve(t, again, serve)
	card, err := old.RestoreCard(served.card, again, size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AcceptRestore(card, true); err != nil {
		t.Fatal(err)
	}
	d := alarmed(t, r)
	if d.Alarm.Kind != want || d.Position > size {
		t.Errorf("followed to %d, alarm %q", d.Position, d.Alarm.What)
	}
	for _, ack := range served.Acks() {
		if ack.Position > size {
			t.Errorf("acknowledged %d", ack.Position)
		}
		for _, v := range ack.Verdicts {
			if v.Record == proof {
				t.Error("a record of it was judged")
			}
		}
	}
}
