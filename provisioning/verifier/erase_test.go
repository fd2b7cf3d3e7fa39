package verifier_test

import (
	"bytes"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) has(word string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), word)
}

// noAlarm fails when the only desk, or the first, is under one.
func (r *rig) noAlarm(t testing.TB) {
	t.Helper()
	if what := r.status(t).Desks[0].Alarm.What; what != "" {
		t.Errorf("an alarm: %s", what)
	}
}

func says(t testing.TB, r *rig, word string) bool {
	t.Helper()
	all, err := r.Contents()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(all, []byte(word))
}

// TestErase: of a person who was erased the verifier keeps ids and hashes; what another desk gave
// them, and what others have, works on.
func TestErase(t *testing.T) {
	journal := &lines{}
	r := start(t, newDir(t), verifier.CheapPasscodes, func(c *verifier.Config) {
		c.Log = slog.New(slog.NewTextHandler(journal, nil))
	})
	desk, other := r.trusted(t, "desk1"), r.trusted(t, "desk2")
	first, second := feedtest.NewToken("kimberly"), feedtest.NewToken("kimberly")
	desk.expect(t, desk.Issue(first), feed.InStep)
	desk.Commit(desk.State(first, feed.StateRevoked))
	desk.settled(t)
	desk.expect(t, desk.Issue(second), feed.InStep)
	code := issued(t, desk, "Kimberly")
	lou, abroad := feedtest.NewToken("lou"), feedtest.NewToken("kimberly-2")
	desk.expect(t, desk.Issue(lou), feed.InStep)
	other.expect(t, other.Issue(abroad), feed.InStep)
	serial := desk.Body(second).Serial
	if !says(t, r, "imberly") || !says(t, r, serial) {
		t.Fatal("the verifier knows nothing of them: the test proves nothing")
	}

	mark := desk.Erase(first.Credential, second.Credential, code.ID)
	desk.settled(t)
	if r.verify(t, "kimberly", second.Press()) || r.types(t, "kimberly", digits) {
		t.Error("what was erased still signs in")
	}
	if !r.verify(t, "lou", lou.Press()) || !r.verify(t, "kimberly-2", abroad.Press()) {
		t.Error("others do not sign in any more")
	}
	if got, err := r.Erasures("desk1"); err != nil || !slices.Equal(got, []string{mark}) {
		t.Errorf("erased at desk1: %v, %v", got, err)
	}
	if got, err := r.Erasures("desk2"); err != nil || got != nil {
		t.Errorf("erased at desk2: %v, %v", got, err)
	}
	r.noAlarm(t)
	r.until(t, "the file is written anew", func(verifier.DeskStatus) bool {
		return journal.has("written anew after an erasure")
	})
	all, err := r.Contents()
	if err != nil {
		t.Fatal(err)
	}
	left := strings.ReplaceAll(string(all), "kimberly-2", "")
	for _, token := range []*feedtest.Token{first, second} {
		listed := `"credential":"` + token.Credential + `","vendor":"yubikey","serial":"` +
			token.Serial + `"}`
		if strings.Count(left, listed) != 1 {
			t.Errorf("the token %s is in somebody's hands, for the other desks", token.Serial)
		}
		left = strings.Replace(left, listed, "", 1)
	}
	for _, word := range []string{"imberly", desk.Body(first).Serial + `"`, serial + `"`} {
		if strings.Contains(left, word) {
			t.Errorf("the verifier still says %s", word)
		}
	}
	ended := code.ID + "\n" + `{"desk":"desk1","user":null,"ended":true}`
	if !strings.Contains(left, ended) || strings.Contains(left, `"salt"`) {
		t.Error("the passcode leads to its user, or the user's salt is kept")
	}
	if !strings.Contains(left, first.Credential) || journal.has("imberly") {
		t.Error("the id is free again, or the journal names them")
	}
	// Nothing comes back under an id that was erased.
	desk.expect(t, desk.Issue(first), feed.Refused)
}

// TestEraseFromZero: a follower that knows nothing gets hashes in the places of what was erased,
// and goes on without an alarm once the erasure comes, pages later.
func TestEraseFromZero(t *testing.T) {
	r := newRig(t)
	desk := r.open(t, "desk1")
	gone, stays := feedtest.NewToken("kim"), feedtest.NewToken("lou")
	desk.Issue(gone)
	proof := desk.Issue(stays)
	for range feed.MaxLeaves + 10 {
		desk.Commit()
	}
	mark := desk.Erase(gone.Credential)
	r.trust(t, desk, verifier.Bounds{})
	desk.expect(t, proof, feed.InStep)
	desk.settled(t)
	r.noAlarm(t)
	if got, err := r.Erasures("desk1"); err != nil || !slices.Equal(got, []string{mark}) {
		t.Errorf("erased: %v, %v", got, err)
	}
	if says(t, r, "kim") || !r.verify(t, "lou", stays.Press()) {
		t.Error("it knows who was erased, or not who stays")
	}
	// The same log under another feed, as a desk that was restored serves it.
	r.until(t, "the head", func(d verifier.DeskStatus) bool { return d.Position == desk.Head() })
	served := restarted(t, r, desk)
	if err := r.Trust(served.card, verifier.Bounds{}, true); err != nil {
		t.Fatal(err)
	}
	served.expect(t, served.Issue(feedtest.NewToken("max")), feed.InStep)
	r.noAlarm(t)
}

// far is a desk whose log is always about to go on.
type far struct{ *feedtest.Desk }

func (f far) Head() int64 { return f.Desk.Head() + 1000 }

// FeedHead promises news, so that nobody waits for the end of a poll to see that there are none.
func (f far) FeedHead() int64 { return f.Head() }

// TestEraseCoversNothingElse: hiding is how a desk could hold a record back, and erasing how it
// could do so with a signature. Either raises its alarm, and nothing of the page is used.
func TestEraseCoversNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		want error
		do   func(desk *counter, kim, lou *feedtest.Token)
		far  bool
	}{
		"hidden without a word": {want: feed.ErrOmitted,
			do: func(d *counter, kim, _ *feedtest.Token) { d.Hide(kim.Credential) }},
		"hidden before an end that never comes": {want: feed.ErrOmitted, far: true,
			do: func(d *counter, kim, _ *feedtest.Token) { d.Hide(kim.Credential) }},
		"another hash": {want: feed.ErrErasure, do: func(d *counter, kim, _ *feedtest.Token) {
			list := d.Hide(kim.Credential)
			list[0].Hash[0]++
			r, _ := d.Erasure(list)
			d.Commit(r)
		}},
		"a record nobody saw": {want: feed.ErrErasure, do: func(d *counter, _, _ *feedtest.Token) {
			r, _ := d.Erasure([]feed.Erased{{Record: feedtest.RandomID(),
				Credential: feedtest.RandomID()}})
			d.Commit(r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			desk := r.open(t, "desk1", func(p *publish.Config, _ *net.Listener) {
				if c.far {
					p.Source = far{p.Source.(*feedtest.Desk)}
				}
			})
			kim, lou := feedtest.NewToken("kim"), feedtest.NewToken("lou")
			desk.Issue(kim)
			desk.Issue(lou)
			c.do(desk, kim, lou)
			r.trust(t, desk, verifier.Bounds{})
			if d := alarmed(t, r); d.Alarm.What != c.want.Error() {
				t.Errorf("the alarm is %q", d.Alarm.What)
			}
			if !c.far && r.verify(t, "lou", lou.Press()) {
				t.Error("something of the page was used")
			}
		})
	}
}

// TestEraseOfSomebodyElse: a follower that saw the records holds the erasure against them.
func TestEraseOfSomebodyElse(t *testing.T) {
	for name, wrong := range map[string]func(list []feed.Erased, other feed.Erased) []feed.Erased{
		"under another credential": func(list []feed.Erased, other feed.Erased) []feed.Erased {
			list[0].Credential = other.Credential
			return list
		},
		"of another hash": func(list []feed.Erased, other feed.Erased) []feed.Erased {
			list[0].Hash = other.Hash
			return list
		},
		"of another desk": func(list []feed.Erased, other feed.Erased) []feed.Erased {
			return append(list, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			desk, foreign := r.trusted(t, "desk1"), r.trusted(t, "desk2")
			kim, lou := feedtest.NewToken("kim"), feedtest.NewToken("lou")
			desk.expect(t, desk.Issue(kim), feed.InStep)
			foreign.expect(t, foreign.Issue(lou), feed.InStep)
			erasure, _ := desk.Erasure(wrong(desk.Hide(kim.Credential),
				foreign.Hide(lou.Credential)[0]))
			desk.Commit(erasure)
			if d := alarmed(t, r); d.Desk != "desk1" || d.Alarm.What != feed.ErrErasure.Error() {
				t.Errorf("the alarm at %s is %q", d.Desk, d.Alarm.What)
			}
			if !r.verify(t, "kim", kim.Press()) || !r.verify(t, "lou", lou.Press()) {
				t.Error("somebody was erased by it")
			}
		})
	}
}

// TestHiddenEndsWithTheFeed: what a feed held back is no alarm against the one that an operator let
// follow it.
func TestHiddenEndsWithTheFeed(t *testing.T) {
	r := newRig(t)
	desk := r.open(t, "desk1", func(p *publish.Config, _ *net.Listener) {
		p.Source = far{p.Source.(*feedtest.Desk)}
	})
	kim := feedtest.NewToken("kim")
	desk.Issue(kim)
	desk.Hide(kim.Credential)
	r.trust(t, desk, verifier.Bounds{})
	alarmed(t, r)
	desk.stop()
	anew, err := feedtest.NewDesk("desk1", r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	served := r.serve(t, anew)
	if err := r.Trust(served.card, verifier.Bounds{}, true); err != nil {
		t.Fatal(err)
	}
	served.expect(t, served.Issue(feedtest.NewToken("lou")), feed.InStep)
	r.noAlarm(t)
}
