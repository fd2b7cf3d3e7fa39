package verifier_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// hears lets a desk hear of its site.
func hears(c *publish.Config, _ *net.Listener) { c.Site = c.Acks.(*feedtest.Desk) }

// knows waits until a desk's copy of the index has a token as wanted.
func (c *counter) knows(t testing.TB, token *feedtest.Token, what string,
	ok func(feed.SiteToken) bool) {
	t.Helper()
	err := c.AwaitSite(soon(t), func(s feedtest.Site) bool {
		told, known := s.Tokens[token.Serial]
		return known && ok(told)
	})
	if err != nil {
		t.Fatalf("%s never heard: %s", c.ID, what)
	}
}

func state(want feed.State) func(feed.SiteToken) bool {
	return func(s feed.SiteToken) bool { return s.State == want }
}

// What another desk of the site orders is refused at sign-in from the verdict on, and every desk of
// the site hears of it, with who ordered it; a person's name and serial pass in no clear record.
func TestOrderOfAnotherDesk(t *testing.T) {
	r := newRig(t)
	home, other := r.trusted(t, "desk1", hears), r.trusted(t, "desk2", hears)
	token := feedtest.NewToken("ana")
	home.expect(t, home.Issue(token), feed.InStep)
	other.knows(t, token, "the loan", func(s feed.SiteToken) bool {
		return s.State == feed.SiteActive && s.Desk == "desk1" && s.Credential == token.Credential
	})
	order := other.Order(token, feed.OrderSuspend)
	if line := string(order.Canonical()); strings.Contains(line, token.Serial) {
		t.Error("the record of an order tells the serial")
	}
	other.Commit(order)
	other.expect(t, order.ID, feed.InStep)
	if r.verify(t, "ana", token.Press()) {
		t.Error("a token signs in that was reported lost at another desk")
	}
	for _, desk := range []*counter{home, other} {
		desk.knows(t, token, "the suspension", func(s feed.SiteToken) bool {
			return s.State == feed.StateSuspended && s.Order.ID == order.ID &&
				s.Order.Desk == "desk2" && s.Order.Officer == "officer of desk2"
		})
	}
	// A tag says who it is to nobody but who asks about them by name, and to no other desk.
	var tags []string
	for _, desk := range []*counter{home, other} {
		err := desk.AwaitSite(soon(t), func(s feedtest.Site) bool {
			tags = append(tags, s.Tokens[token.Serial].Tag)
			return feed.Tag(s.TagKey, "ANA") == tags[len(tags)-1] &&
				feed.Tag(s.TagKey, "ben") != tags[len(tags)-1]
		})
		if err != nil {
			t.Errorf("%s does not know its own tag", desk.ID)
		}
	}
	if tags[0] == tags[1] {
		t.Error("two desks have the same tag for a person")
	}
}

// The first order wins, later ones are in force already, and a revocation beats a suspension.
func TestArbitration(t *testing.T) {
	r := newRig(t)
	home, other := r.trusted(t, "desk1", hears), r.trusted(t, "desk2", hears)
	abroad := r.open(t, "desk3", hears)
	abroad.Desk.Site, abroad.card.Site = "elsewhere", "elsewhere"
	r.trust(t, abroad, verifier.Bounds{})
	for _, c := range []struct {
		name string
		give func(*feedtest.Token) []feed.Record
		// answers to the records in order, and whether the token signs in at the end.
		outcomes []feed.Outcome
		reasons  []feed.Reason
		works    bool
		from     *counter
	}{
		{"suspend twice", orders(other, feed.OrderSuspend, feed.OrderSuspend),
			outs(feed.InStep, feed.InStep), why("", feed.ReasonAlready), false, other},
		{"revoke after suspend", orders(other, feed.OrderSuspend, feed.OrderRevoke),
			outs(feed.InStep, feed.InStep), why("", ""), false, other},
		{"suspend after revoke", orders(other, feed.OrderRevoke, feed.OrderSuspend),
			outs(feed.InStep, feed.InStep), why("", feed.ReasonAlready), false, other},
		{"return after revoke", orders(other, feed.OrderRevoke, feed.OrderReturn),
			outs(feed.InStep, feed.InStep), why("", feed.ReasonAlready), false, other},
		{"another site", orders(abroad, feed.OrderRevoke),
			outs(feed.Refused), why(feed.ReasonUnknown), true, abroad},
		{"a serial that is not the credential's", func(token *feedtest.Token) []feed.Record {
			wrong := *token
			wrong.Serial = "00000000"
			return []feed.Record{other.Order(&wrong, feed.OrderRevoke)}
		}, outs(feed.Refused), why(feed.ReasonUnknown), true, other},
	} {
		token := feedtest.NewToken("arb-" + c.name)
		home.expect(t, home.Issue(token), feed.InStep)
		for i, rec := range c.give(token) {
			c.from.Commit(rec)
			got := c.from.verdict(t, rec.ID)
			if got.Outcome != c.outcomes[i] || got.Reason != c.reasons[i] {
				t.Errorf("%s: order %d: %s (%s), want %s (%s)", c.name, i, got.Outcome, got.Reason,
					c.outcomes[i], c.reasons[i])
			}
		}
		if got := r.verify(t, token.User, token.Press()); got != c.works {
			t.Errorf("%s: the token signs in: %v", c.name, got)
		}
	}
}

func orders(from *counter, acts ...feed.OrderAct) func(*feedtest.Token) []feed.Record {
	return func(token *feedtest.Token) (list []feed.Record) {
		for _, act := range acts {
			list = append(list, from.Order(token, act))
		}
		return list
	}
}

func outs(list ...feed.Outcome) []feed.Outcome { return list }
func why(list ...feed.Reason) []feed.Reason    { return list }

// Only the desk that lent a token lifts another's suspension, and only once it has heard of it:
// what it resumed before that lifts nothing, and it is told again.
func TestResumeInTheKnowledgeOfTheOrder(t *testing.T) {
	r := newRig(t)
	home, other := r.trusted(t, "desk1", hears), r.trusted(t, "desk2", hears)
	token := feedtest.NewToken("ana")
	home.expect(t, home.Issue(token), feed.InStep)
	home.knows(t, token, "its own loan", state(feed.SiteActive))
	home.Deafen(true)
	order := other.Order(token, feed.OrderSuspend)
	other.Commit(order)
	other.expect(t, order.ID, feed.InStep)
	early := home.State(token, feed.StateResumed)
	home.Commit(early)
	home.settled(t)
	if r.verify(t, "ana", token.Press()) {
		t.Fatal("a resumption lifted an order that its desk had not heard of")
	}
	home.Deafen(false)
	home.knows(t, token, "the order, again", func(s feed.SiteToken) bool {
		return s.State == feed.StateSuspended && s.Order.Desk == "desk2" && s.Order.ID == early.ID
	})
	// The confirmation is kept at the verifier a moment after the answer.
	for over := time.Now().Add(20 * time.Second); time.Now().Before(over); {
		home.Commit(home.State(token, feed.StateResumed))
		home.settled(t)
		if r.verify(t, "ana", token.Press()) {
			other.knows(t, token, "the resumption", state(feed.SiteActive))
			return
		}
	}
	t.Fatal("the desk that lent the token could not resume it")
}

// A desk that was away hears the whole of it, one that was made anew from the start, and a desk
// that is revoked hears nothing.
func TestSiteIndexCatchesUp(t *testing.T) {
	r := newRig(t)
	home, other := r.trusted(t, "desk1", hears), r.open(t, "desk2", hears)
	var last *feedtest.Token
	for range 7 {
		last = feedtest.NewToken(feedtest.RandomID())
		home.expect(t, home.Issue(last), feed.InStep)
	}
	r.trust(t, other, verifier.Bounds{})
	count := func(n int) func(feedtest.Site) bool {
		return func(s feedtest.Site) bool { return len(s.Tokens) == n }
	}
	if err := other.AwaitSite(soon(t), count(7)); err != nil {
		t.Fatal("a desk that came late did not hear of seven tokens")
	}
	if _, err := r.RevokeDesk("desk2", time.Now()); err != nil {
		t.Fatal(err)
	}
	home.expect(t, home.Issue(feedtest.NewToken("after")), feed.InStep)
	if err := home.AwaitSite(soon(t), count(8)); err != nil {
		t.Fatal("the desk did not hear of its own eighth token")
	}
	moment, cancel := context.WithTimeout(soon(t), 300*time.Millisecond)
	defer cancel()
	if err := other.AwaitSite(moment, count(8)); err == nil {
		t.Error("a revoked desk is told of its site")
	}
}
