package verifier_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// issuedAway issues to many people while the line is cut, and says how many of them the verifier
// took. Those must be the first.
func (r *rig) issuedAway(t *testing.T, desk *counter, many int, away func()) (taken int,
	again *counter) {
	t.Helper()
	desk.stop()
	away()
	var ids []string
	for range many - 1 {
		ids = append(ids, desk.Issue(feedtest.NewToken(feedtest.RandomID())))
	}
	ids = append(ids, desk.IssuePasscode(desk.NewPasscode(feedtest.RandomID(), "739518264")))
	again = r.serve(t, desk.Desk)
	r.trust(t, again, verifier.Bounds{PerHour: 2})
	for i, id := range ids {
		switch got := again.verdict(t, id); {
		case got.Outcome == feed.InStep && taken == i:
			taken++
		case got.Reason != feed.ReasonTooMany:
			t.Errorf("number %d: %+v", i, got)
		}
	}
	return taken, again
}

// TestHoursAway: a desk whose line was cut may bring what it was allowed in every hour of that, and
// no more; short cuts, however many, bring it nothing, nor does a day without work.
func TestHoursAway(t *testing.T) {
	var ahead atomic.Int64
	begin := time.Now()
	now := func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
	r := start(t, newDir(t), verifier.CheapPasscodes, func(c *verifier.Config) { c.Clock = now })
	desk := r.open(t, "desk1")
	r.trust(t, desk, verifier.Bounds{PerHour: 2})
	for _, c := range []struct {
		name       string
		idle, away time.Duration
		many, want int
	}{
		{"a short cut", 0, time.Minute, 3, 2},
		{"another one", 0, 10 * time.Minute, 1, 0},
		{"five hours and a half", 0, 330 * time.Minute, 12, 10},
		{"a moment, after a day without work", 24 * time.Hour, time.Second, 6, 2},
		{"two hours and a half", 0, 150 * time.Minute, 6, 4},
		{"a year", 0, 365 * 24 * time.Hour, 340, 2 * (7*24 + 1)},
	} {
		if c.idle > 0 {
			ahead.Add(int64(c.idle))
			desk = restarted(t, r, desk) // so that it is asked for news at once
			r.trust(t, desk, verifier.Bounds{PerHour: 2})
			r.until(t, "it is followed", func(verifier.DeskStatus) bool {
				return r.CaughtUp("desk1").Equal(now())
			})
		}
		var taken int
		taken, desk = r.issuedAway(t, desk, c.many, func() { ahead.Add(int64(c.away)) })
		if taken != c.want {
			t.Errorf("%s: %d of %d are taken, want %d", c.name, taken, c.many, c.want)
		}
	}
}
