package verifier_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// TestEraseUser: whoever had their token from a desk that is revoked is erased here, by an
// operator, under whatever case their name is written. Nobody is whose token a desk still holds.
func TestEraseUser(t *testing.T) {
	journal := &lines{}
	r := start(t, newDir(t), verifier.CheapPasscodes, func(c *verifier.Config) {
		c.Log = slog.New(slog.NewTextHandler(journal, nil))
	})
	gone, stays := r.trusted(t, "desk1", hears), r.trusted(t, "desk2", hears)
	first, last := feedtest.NewToken("kimberly"), feedtest.NewToken("Kimberly")
	stays.expect(t, stays.Issue(first), feed.InStep)
	stays.Commit(stays.State(first, feed.StateRevoked))
	stays.settled(t)
	gone.expect(t, gone.Issue(last), feed.InStep)
	code := issued(t, gone, "kimberly")
	ana, lou := feedtest.NewToken("ana"), feedtest.NewToken("lou")
	stays.expect(t, stays.Issue(ana), feed.InStep)
	gone.expect(t, gone.Issue(lou), feed.InStep)

	if _, err := r.Erase("kimberly"); !errors.Is(err, verifier.ErrStillHeld) ||
		!strings.Contains(err.Error(), "desk1") {
		t.Errorf("before the desk is revoked: %v", err)
	}
	if !r.verify(t, "kimberly", last.Press()) {
		t.Error("a refusal changed something")
	}
	if _, err := r.RevokeDesk("desk1", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	got, err := r.Erase("KIMBERLY")
	if err != nil || got != (verifier.Forgotten{Tokens: 2, Passcodes: 1}) {
		t.Errorf("erased %+v, %v", got, err)
	}
	for user, want := range map[string]error{"kimberly": verifier.ErrNobody,
		"": verifier.ErrNobody, "ana": verifier.ErrStillHeld} {
		if _, err := r.Erase(user); !errors.Is(err, want) {
			t.Errorf("erasing %q: %v, want %v", user, err, want)
		}
	}
	if r.verify(t, "kimberly", last.Press()) || r.types(t, "kimberly", digits) {
		t.Error("who was erased still signs in")
	}
	if !r.verify(t, "ana", ana.Press()) || !r.verify(t, "lou", lou.Press()) {
		t.Error("others do not sign in any more")
	}
	stays.knows(t, last, "that the token is in nobody's hands", func(s feed.SiteToken) bool {
		return s.State == feed.StateRevoked && s.Tag == ""
	})
	r.until(t, "the file is written anew", func(verifier.DeskStatus) bool {
		return journal.has("written anew after an erasure")
	})
	if says(t, r, "imberly") || says(t, r, "KIMBERLY") || journal.has("imberly") ||
		journal.has("KIMBERLY") {
		t.Error("the verifier still says who it was")
	}
	if !says(t, r, first.Credential) || !says(t, r, code.ID) {
		t.Error("an id is free again")
	}
	// The desk that lives on may erase them, too.
	stays.Erase(first.Credential)
	stays.settled(t)
	r.noAlarm(t)
}

// TestEraseIsHeard: a desk that was away from the return to the erasure hears that the token is in
// nobody's hands, and not whose it was; what it orders about it meanwhile is in force already.
func TestEraseIsHeard(t *testing.T) {
	r := newRig(t)
	home, other := r.trusted(t, "desk1", hears), r.trusted(t, "desk2", hears)
	token := feedtest.NewToken("ana")
	home.expect(t, home.Issue(token), feed.InStep)
	other.knows(t, token, "the loan", state(feed.SiteActive))
	other.Deafen(true)
	home.Commit(home.State(token, feed.StateRevoked))
	home.settled(t)
	home.Erase(token.Credential)
	home.settled(t)
	order := other.Order(token, feed.OrderReturn)
	other.Commit(order)
	if got := other.verdict(t, order.ID); got.Outcome != feed.InStep ||
		got.Reason != feed.ReasonAlready {
		t.Errorf("an order about a token that was returned: %+v", got)
	}
	other.Deafen(false)
	other.knows(t, token, "the return", func(s feed.SiteToken) bool {
		return s.State == feed.StateRevoked && s.Tag == "" && s.Credential == token.Credential
	})
	next := feedtest.NewToken("ben")
	next.Serial = token.Serial
	home.expect(t, home.Issue(next), feed.InStep)
	other.knows(t, token, "the next loan", func(s feed.SiteToken) bool {
		return s.State == feed.SiteActive && s.Credential == next.Credential
	})
}
