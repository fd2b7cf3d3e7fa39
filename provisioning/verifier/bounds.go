package verifier

import (
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Bounds say what a desk may do. Empty fields bound nothing, but for Groups: administrators are
// excluded unless it names them.
type Bounds struct {
	// Sites the desk may issue for.
	Sites []string `json:"sites,omitempty"`
	// Users are prefixes of the sign-in names it may bind.
	Users []string `json:"users,omitempty"`
	// Groups are those whose users it may bind: see Membership.
	Groups []string `json:"groups,omitempty"`
	// PerHour is the most credentials and passcodes it may issue within an hour.
	PerHour int `json:"per_hour,omitempty"`
}

// allow says whether a desk may issue for a user of a site.
func (b Bounds) allow(m *Membership, site, user string) bool {
	user = strings.ToLower(user)
	begins := func(prefix string) bool { return strings.HasPrefix(user, strings.ToLower(prefix)) }
	in := func(group string) bool { return m.In(user, group) }
	return (len(b.Sites) == 0 || slices.Contains(b.Sites, site)) &&
		(len(b.Users) == 0 || slices.ContainsFunc(b.Users, begins)) &&
		(len(b.Groups) == 0 || slices.ContainsFunc(b.Groups, in)) &&
		(slices.Contains(b.Groups, GroupAdministrators) || !in(GroupAdministrators))
}

// refusal is why a record is of no use; the desk it speaks of is empty, or another.
type refusal struct {
	reason feed.Reason
	desk   string
}

// refuse stores a refusal until an ack carried it.
func (t taking) refuse(why refusal) error {
	return saveVerdict(t.tx, t.desk.Card.Desk, feed.Verdict{Record: t.rec.ID,
		Credential: t.rec.Credential, Outcome: feed.Refused, Reason: why.reason, Desk: why.desk})
}

const (
	// longestAway is the longest time without a line that a desk may make up for.
	longestAway = 7 * 24 * time.Hour
	// caughtUpEvery is how often it is noted at most that an idle desk was followed.
	caughtUpEvery = 5 * time.Minute
)

// underLimit says whether one more may be issued. It finds the earliest time it may count at, by
// our own clock: a desk that was away brings what it could have issued in every hour of that, but
// no hour is counted for more than Bounds allow.
func (t taking) underLimit() bool {
	most := t.desk.Bounds.PerHour
	return most <= 0 || t.slot(most) <= t.now.Unix()
}

func (t taking) slot(most int) int64 {
	at := t.now
	if last := t.desk.CaughtUp; !last.IsZero() && last.Before(at) {
		at = last
	}
	if from := t.now.Add(-longestAway); at.Before(from) {
		at = from
	}
	slot, issued := at.Unix(), t.desk.Issued
	n := len(issued)
	if n > 0 {
		slot = max(slot, min(issued[n-1], t.now.Unix()))
	}
	if n >= most {
		slot = max(slot, issued[n-most]+int64(time.Hour/time.Second))
	}
	return slot
}

// issued counts one.
func (t taking) issued() {
	most := t.desk.Bounds.PerHour
	if most <= 0 {
		t.desk.Issued = nil
		return
	}
	list := append(t.desk.Issued, t.slot(most))
	t.desk.Issued = list[max(0, len(list)-most):]
}

// caughtUp notes now and then that a desk had nothing more to show.
func (v *Verifier) caughtUp(desk string) error {
	now := v.clock()
	row, err := v.deskRow(desk)
	if err != nil || now.Sub(row.CaughtUp) < caughtUpEvery {
		return err
	}
	return v.changeDesk(desk, func(row *deskRow) bool {
		row.CaughtUp = now
		return true
	})
}
