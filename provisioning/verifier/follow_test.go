package verifier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

func TestProvenTokenSignsIn(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := feedtest.NewToken("ana")
	proof := desk.Issue(token)
	desk.expect(t, proof, feed.InStep)

	token.Counter = 0
	if r.verify(t, "ana", token.Press()) {
		t.Error("the OTP of the proof signed in")
	}
	second := token.Press()
	if !r.verify(t, "ANA", second) {
		t.Error("the next OTP did not sign in")
	}
	if r.verify(t, "ana", second) {
		t.Error("the same OTP signed in twice")
	}
	if !r.verify(t, "ana", token.Skip(10).Press()) {
		t.Error("an OTP ten touches ahead did not sign in")
	}
}

// Whatever a desk seals but the token's own seed, it never gets a token registered.
func TestDishonestSeeds(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	other := feedtest.NewToken("ben")
	desk.expect(t, desk.Issue(other), feed.InStep)
	seal := func(change func(*feed.SeedBody)) func(*feedtest.Token) feed.Record {
		return func(token *feedtest.Token) feed.Record {
			body := desk.Body(token)
			change(&body)
			return desk.SealSeed(token, body)
		}
	}
	for _, c := range []struct {
		name string
		seed func(*feedtest.Token) feed.Record
		want feed.Outcome
	}{
		{"another seed", seal(func(b *feed.SeedBody) {
			b.Seed = feedtest.NewToken("x").Seed
		}), feed.NoMatch},
		{"zero seed", seal(func(b *feed.SeedBody) {
			b.Seed = secret.NewSeed(make([]byte, 20))
		}), feed.Refused},
		{"one byte over and over", seal(func(b *feed.SeedBody) {
			b.Seed = secret.NewSeed(bytes.Repeat([]byte{0xff}, 20))
		}), feed.Refused},
		{"short seed", seal(func(b *feed.SeedBody) {
			b.Seed = secret.NewSeed([]byte("0123456789"))
		}), feed.Refused},
		{"seed of another token", seal(func(b *feed.SeedBody) { b.Seed = other.Seed }), feed.Refused},
		{"wrong digits", seal(func(b *feed.SeedBody) { b.Digits = 8 }), feed.NoMatch},
		{"wrong counter", seal(func(b *feed.SeedBody) { b.Counter = 1 }), feed.NoMatch},
		{"garbage", func(token *feedtest.Token) feed.Record {
			rec := desk.SealSeed(token, desk.Body(token))
			rec.Sealed = bytes.Repeat([]byte{1}, len(rec.Sealed))
			return rec
		}, feed.Unreadable},
		{"nothing sealed", func(token *feedtest.Token) feed.Record {
			rec := desk.SealSeed(token, desk.Body(token))
			rec.Sealed = nil
			return rec
		}, feed.Unreadable},
		{"sealed for another record", func(token *feedtest.Token) feed.Record {
			rec := desk.SealSeed(token, desk.Body(token))
			rec.ID = feedtest.RandomID()
			return rec
		}, feed.Unreadable},
	} {
		token := feedtest.NewToken("cy")
		desk.Commit(c.seed(token))
		proof := desk.SealProof(token, token.Press())
		desk.Commit(proof)
		if got := desk.verdict(t, proof.ID); got.Outcome != c.want {
			t.Errorf("%s: the proof is %s, want %s", c.name, got.Outcome, c.want)
		}
		if r.verify(t, "cy", token.Press()) {
			t.Errorf("%s: the token signs in", c.name)
		}
	}
}

func TestProofsOffsets(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	for _, c := range []struct {
		skip, otps int
		want       feed.Outcome
		offset     int
	}{
		{0, 1, feed.InStep, 0}, {9, 1, feed.InStep, 9}, {10, 1, feed.OffBy, 10}, {99, 1, feed.OffBy, 99},
		{100, 1, feed.NoMatch, 0}, {500, 2, feed.InStep, 500}, {1001, 2, feed.NoMatch, 0},
	} {
		token := feedtest.NewToken(feedtest.RandomID())
		desk.Commit(desk.SealSeed(token, desk.Body(token)))
		var otps []secret.OTP
		token.Skip(c.skip)
		for range c.otps {
			otps = append(otps, token.Press())
		}
		proof := desk.SealProof(token, otps...)
		desk.Commit(proof)
		got := desk.verdict(t, proof.ID)
		if got.Outcome != c.want || got.Offset != c.offset {
			t.Errorf("%d skipped, %d typed: %s off by %d", c.skip, c.otps, got.Outcome, got.Offset)
		}
		if signs := r.verify(t, token.User, token.Press()); signs != (c.want == feed.InStep) {
			t.Errorf("%d skipped, %d typed: signs in is %v", c.skip, c.otps, signs)
		}
	}
}

func TestStates(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := feedtest.NewToken("dora")
	desk.expect(t, desk.Issue(token), feed.InStep)
	order := func(to feed.State) {
		desk.Commit(desk.State(token, to))
		desk.settled(t)
	}
	order(feed.StateSuspended)
	if r.verify(t, "dora", token.Press()) {
		t.Error("a suspended token signs in")
	}
	order(feed.StateResumed)
	if !r.verify(t, "dora", token.Press()) {
		t.Error("a resumed token does not sign in")
	}
	order(feed.StateRevoked)
	order(feed.StateResumed)
	if r.verify(t, "dora", token.Press()) {
		t.Error("a tombstone was lifted")
	}
	again := desk.SealProof(token, token.Press())
	seedAgain := desk.SealSeed(token, desk.Body(token))
	desk.Commit(seedAgain, again)
	desk.expect(t, seedAgain.ID, feed.Refused)
	desk.expect(t, again.ID, feed.Refused)
	fresh := feedtest.NewToken("dora")
	fresh.Serial = token.Serial
	desk.expect(t, desk.Issue(fresh), feed.InStep)
	if !r.verify(t, "dora", fresh.Press()) {
		t.Error("the new credential of the same token does not sign in")
	}
}

func TestOneTokenPerUserAndOneUserPerToken(t *testing.T) {
	r := newRig(t)
	one, two := r.trusted(t, "desk1"), r.trusted(t, "desk2")
	first := feedtest.NewToken("eve")
	one.expect(t, one.Issue(first), feed.InStep)
	second := feedtest.NewToken("Eve")
	two.expect(t, two.Issue(second), feed.Refused)
	taken := feedtest.NewToken("finn")
	taken.Serial = first.Serial
	two.expect(t, two.Issue(taken), feed.Refused)
	if r.verify(t, "eve", second.Press()) || r.verify(t, "finn", taken.Press()) {
		t.Error("a refused token signs in")
	}

	// The other desk has no say over the first desk's credential.
	two.Commit(two.State(first, feed.StateRevoked))
	two.settled(t)
	if !r.verify(t, "eve", first.Press()) {
		t.Error("another desk revoked the token")
	}

	// Reported lost, it gives way to a new token, for good.
	one.Commit(one.State(first, feed.StateSuspended))
	one.settled(t)
	third := feedtest.NewToken("eve")
	two.expect(t, two.Issue(third), feed.InStep)
	one.Commit(one.State(first, feed.StateResumed))
	one.settled(t)
	if r.verify(t, "eve", first.Press()) || !r.verify(t, "eve", third.Press()) {
		t.Error("the lost token was not replaced")
	}
}

func TestBounds(t *testing.T) {
	r := newRig(t)
	desk := r.open(t, "desk1")
	r.trust(t, desk, verifier.Bounds{Sites: []string{"um"}, Users: []string{"mc", "db"}, PerHour: 2})
	for _, c := range []struct {
		user, site string
		want       feed.Outcome
	}{
		{"staff1", "um", feed.Refused}, {"mc1", "unimas", feed.Refused}, {"MC1", "um", feed.InStep},
		{"db1", "um", feed.InStep}, {"mc2", "um", feed.Refused},
	} {
		desk.MoveTo(c.site)
		if got := desk.verdict(t, desk.Issue(feedtest.NewToken(c.user))); got.Outcome != c.want {
			t.Errorf("%s of %s: %s, want %s", c.user, c.site, got.Outcome, c.want)
		}
	}
}

func TestRevokedDesk(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	before, after := feedtest.NewToken("gil"), feedtest.NewToken("hana")
	desk.expect(t, desk.Issue(before), feed.InStep)
	since := time.Now()
	desk.expect(t, desk.Issue(after), feed.InStep)
	prepared := feedtest.NewToken("ivo")
	desk.Commit(desk.SealSeed(prepared, desk.Body(prepared)))
	desk.settled(t)
	list, err := r.RevokeDesk("desk1", since)
	if err != nil || len(list) != 1 || list[0].User != "hana" {
		t.Fatalf("%+v, %v", list, err)
	}
	if !r.verify(t, "gil", before.Press()) || r.verify(t, "hana", after.Press()) {
		t.Error("the wrong tokens were suspended")
	}
	if _, err := r.RevokeDesk("desk9", since); !errors.Is(err, verifier.ErrUnknownDesk) {
		t.Errorf("an unknown desk: %v", err)
	}
	// Trusted again, it goes on where it was left; what an operator suspended it cannot resume.
	r.trust(t, desk, verifier.Bounds{})
	desk.Commit(desk.State(after, feed.StateResumed))
	desk.settled(t)
	if r.verify(t, "hana", after.Press()) {
		t.Error("the desk lifted the operator's suspension")
	}
}

func TestUnknownKindsPass(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	rec := desk.Record(feedtest.RandomID())
	rec.Kind, rec.Sealed = "passcode", []byte("of a newer version")
	desk.Commit(rec)
	desk.expect(t, desk.Issue(feedtest.NewToken("jo")), feed.InStep)
}

// deaf is a desk that stores acks and answers with an error, as one that is killed in between.
type deaf struct {
	*feedtest.Desk
	left atomic.Int64
	seen chan struct{}
}

func (d *deaf) Acknowledge(ctx context.Context, ack feed.Ack) error {
	if len(ack.Verdicts) > 0 && d.left.Add(-1) >= 0 {
		d.seen <- struct{}{}
		return errors.New("killed before it was stored")
	}
	return d.Desk.Acknowledge(ctx, ack)
}

// Verdicts are repeated until an ack that carried them was answered, across restarts of the
// verifier.
func TestVerdictsAreRepeatedAcrossRestarts(t *testing.T) {
	r := newRig(t)
	d := &deaf{seen: make(chan struct{}, 1)}
	d.left.Store(1 << 30)
	desk := r.trusted(t, "desk1", func(c *publish.Config, _ *net.Listener) {
		d.Desk = c.Source.(*feedtest.Desk)
		c.Acks = d
	})
	proof := desk.Issue(feedtest.NewToken("olga"))
	<-d.seen
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for range d.seen {
		}
	}()
	r.stop()
	r = start(t, r.dir)
	if s := r.status(t).Desks[0]; s.Verdicts != 1 || s.Position == 0 {
		t.Errorf("after the restart: %+v", s)
	}
	d.left.Store(0)
	desk.expect(t, proof, feed.InStep)
	r.stop()
	close(d.seen)
	<-drained
	r = start(t, r.dir)
	r.until(t, "no verdict is due", func(d verifier.DeskStatus) bool { return d.Verdicts == 0 })
}

// Three desks at once, their connections cut at random: every record counts once, none is lost.
func TestThreeDesksCutAtRandom(t *testing.T) {
	const each = 40
	r := newRig(t)
	var lines []*flaky
	var desks []*counter
	for i := range 3 {
		line := &flaky{}
		lines = append(lines, line)
		desks = append(desks, r.trusted(t, fmt.Sprintf("desk%d", i),
			func(_ *publish.Config, l *net.Listener) { line.Listener, *l = *l, line }))
	}
	tokens := make([][]*feedtest.Token, len(desks))
	var group sync.WaitGroup
	for i, desk := range desks {
		group.Go(func() {
			for n := range each {
				token := feedtest.NewToken(fmt.Sprintf("user%d.%d", i, n))
				tokens[i] = append(tokens[i], token)
				proof := desk.Issue(token)
				desk.Commit() // what is not for the feed is followed too
				if n%8 == 7 {
					desk.expect(t, proof, feed.InStep)
				}
			}
		})
	}
	group.Wait()
	for i, desk := range desks {
		lines[i].calm.Store(true)
		err := desk.Await(soon(t), func(_ []feed.Ack, verdicts map[string]feed.Verdict) bool {
			return len(verdicts) == each
		})
		if err != nil {
			t.Fatalf("desk %d: %v", i, err)
		}
		desk.settled(t)
		checkAcks(t, desk.Acks())
		if lines[i].cuts.Load() == 0 {
			t.Errorf("no connection of desk %d was cut", i)
		}
		t.Logf("desk %d: %d cuts, %d acks", i, lines[i].cuts.Load(), len(desk.Acks()))
	}
	status := r.status(t)
	if got := status.Credentials["active"]; got != len(desks)*each || len(status.Credentials) != 1 {
		t.Errorf("credentials: %v", status.Credentials)
	}
	for i := range tokens {
		for _, token := range tokens[i] {
			if !r.verify(t, token.User, token.Press()) {
				t.Errorf("%s does not sign in", token.User)
			}
		}
	}
}

// checkAcks says that positions never went back and that no verdict came with two contents.
func checkAcks(t *testing.T, acks []feed.Ack) {
	t.Helper()
	said := map[string]feed.Verdict{}
	var position int64
	for _, ack := range acks {
		if ack.Position < position {
			t.Errorf("an ack went back from %d to %d", position, ack.Position)
		}
		position = ack.Position
		for _, v := range ack.Verdicts {
			if before, ok := said[v.Record]; ok && before != v {
				t.Errorf("two verdicts on one record: %+v and %+v", before, v)
			}
			if said[v.Record] = v; v.Outcome != feed.InStep {
				t.Errorf("the verdict is %+v", v)
			}
		}
	}
}
