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

// underLimit forgets activations older than an hour and counts the rest, by our own clock.
func (t taking) underLimit() bool {
	if t.desk.Bounds.PerHour <= 0 {
		t.desk.Issued = nil
		return true
	}
	since := t.now.Add(-time.Hour).Unix()
	kept := t.desk.Issued[:0]
	for _, at := range t.desk.Issued {
		if at > since {
			kept = append(kept, at)
		}
	}
	t.desk.Issued = kept
	return len(kept) < t.desk.Bounds.PerHour
}
