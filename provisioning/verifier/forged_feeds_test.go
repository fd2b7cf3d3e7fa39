package verifier_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/porter/portertest"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// scene is a desk that was honest for two leaves and has three more: the seed of a token, its
// proof, and a state.
type scene struct {
	*forger
	// first is the page of the two leaves.
	first               feed.Page
	seed, proof, orders feed.Record
	// elsewhere is another desk with a history of its own.
	elsewhere *feedtest.Desk
	// old is the token of the two leaves, and next that of the three.
	old, next *feedtest.Token
}

// tells makes the desk lie about its three new leaves.
func (s *scene) tells(l lie) {
	for _, rec := range []feed.Record{s.seed, s.proof, s.orders} {
		s.desk.Commit(rec)
	}
	s.lie.Store(&l)
}

// leaves changes the leaves on their way out, and not the checkpoint.
func leaves(change func([]feed.Leaf) []feed.Leaf) func(*scene) {
	return func(s *scene) {
		s.tells(lie{page: func(after int64, _ int, p *feed.Page) {
			if after >= 2 { // of what was followed before it tells the truth
				p.Leaves = change(slices.Clone(p.Leaves))
			}
		}})
	}
}

func page(change func(s *scene, p *feed.Page)) func(*scene) {
	return func(s *scene) {
		s.tells(lie{page: func(after int64, _ int, p *feed.Page) {
			if p.After = after; after >= 2 {
				change(s, p)
			}
		}})
	}
}

// meta tells another story of the feed to whoever connects anew.
func meta(change func(s *scene, m *feed.Meta)) func(*scene) {
	return func(s *scene) {
		s.tells(lie{meta: func(m *feed.Meta) { change(s, m) },
			answer: func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if r.URL.Path == feed.PathRecords {
					w.WriteHeader(http.StatusServiceUnavailable)
					return true
				}
				return false
			}})
	}
}

// answer sends other bytes instead of a page.
func answer(status int, change func(string) string) func(*scene) {
	return func(s *scene) {
		s.tells(lie{answer: func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			if r.URL.Path != feed.PathRecords {
				return false
			}
			text := change(string(body))
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
			return true
		}})
	}
}

// logs publishes records that the log really holds.
func logs(make func(s *scene) []feed.Record) func(*scene) {
	return func(s *scene) {
		for _, rec := range make(s) {
			s.desk.Commit(rec)
		}
	}
}

// signs replaces the checkpoint of the page.
func signs(make func(s *scene, p *feed.Page) ([]byte, error)) func(*scene) {
	return page(func(s *scene, p *feed.Page) { p.Checkpoint, _ = make(s, p) })
}

// otherHistory serves what the desk signed besides, from the second leaf on.
func otherHistory(s *scene) lie {
	fork := s.desk.Fork(1)
	for range 4 {
		fork.Commit(fork.State(feedtest.NewToken(""), feed.StateRevoked))
	}
	return lie{meta: func(m *feed.Meta) { m.Head = fork.Head() },
		page: func(after int64, limit int, p *feed.Page) { *p, _ = fork.Page(after, limit) }}
}

// newScene has a desk followed for two honest leaves. It is served until top ends.
func newScene(t, top *testing.T, r *rig, id string, elsewhere *feedtest.Desk) *scene {
	s := &scene{forger: r.forge(top, id), elsewhere: elsewhere,
		old: feedtest.NewToken("old-" + id), next: feedtest.NewToken("new-" + id)}
	r.trust(t, s.counter, verifier.Bounds{})
	s.expect(t, s.desk.Issue(s.old), feed.InStep)
	s.until(t, r, "the head", func(d verifier.DeskStatus) bool {
		return d.Position >= 2 && d.Verdicts == 0
	})
	s.seed, s.orders = s.desk.SealSeed(s.next, s.desk.Body(s.next)), s.desk.State(s.old,
		feed.StateSuspended)
	s.proof = s.desk.SealProof(s.next, s.next.Press())
	var err error
	if s.first, err = s.desk.Page(0, 2); err != nil {
		t.Fatal(err)
	}
	return s
}

// until looks at the status of the forger's desk until ok says yes.
func (f *forger) until(t *testing.T, r *rig, what string,
	ok func(verifier.DeskStatus) bool) verifier.DeskStatus {
	t.Helper()
	for ctx := soon(t); ; time.Sleep(2 * time.Millisecond) {
		for _, d := range r.status(t).Desks {
			if d.Desk == f.desk.ID && ok(d) {
				return d
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func (f *forger) alarm(t *testing.T, r *rig) verifier.DeskStatus {
	t.Helper()
	return f.until(t, r, "an alarm", func(d verifier.DeskStatus) bool { return d.Alarm.Stands() })
}

func applied(t *testing.T, r *rig) []byte {
	t.Helper()
	all, err := r.Applied()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Whatever a desk forges: nothing of it is used, the alarm says what it was, stands over a restart,
// and ends when an operator says so.
func TestForgedFeeds(t *testing.T) {
	r := newRig(t)
	elsewhere, err := feedtest.NewDesk("desk0", r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		elsewhere.Commit(elsewhere.State(feedtest.NewToken(""), feed.StateRevoked))
	}
	forgeries := forgeries
	if portertest.Race { // one in three is enough to find a race
		forgeries = slices.DeleteFunc(slices.Clone(forgeries), func(forgery) bool {
			return rand.N(3) > 0
		})
	}
	scenes := make([]*scene, len(forgeries))
	for i, c := range forgeries {
		t.Run(c.name, func(sub *testing.T) {
			scenes[i] = newScene(sub, t, r, "desk"+strconv.Itoa(100+i), elsewhere)
			scenes[i].isRefused(sub, r, c.want, c.how)
		})
	}
	if t.Failed() {
		return
	}
	r.stop()
	asked := make([]int64, len(scenes))
	for i, s := range scenes {
		asked[i] = s.asked.Load()
	}
	again := start(t, r.dir)
	honest := again.trusted(t, "desk1")
	honest.expect(t, honest.Issue(feedtest.NewToken("ana")), feed.InStep)
	for i, c := range forgeries {
		if d := scenes[i].alarm(t, again); d.Alarm.Kind != c.want {
			t.Errorf("%s: after a restart the alarm is %q", c.name, d.Alarm.Kind)
		}
		if now := scenes[i].asked.Load(); now != asked[i] {
			t.Errorf("%s: the desk was asked %d times under alarm", c.name, now-asked[i])
		}
		t.Run("cleared/"+c.name, func(t *testing.T) { scenes[i].isCleared(t, again, c.want, c.logged) })
	}
}

func (s *scene) isRefused(t *testing.T, r *rig, want verifier.AlarmKind, how func(*scene)) {
	before := applied(t, r)
	s.mu.Lock()
	how(s)
	s.mu.Unlock()
	d := s.alarm(t, r)
	if d.Alarm.Kind != want || len(d.Alarm.What) < 20 {
		t.Errorf("the alarm is %s (%s), want %s", d.Alarm.Kind, d.Alarm.What, want)
	}
	if d.Position != 2 || d.Alarm.Position != 2 || !bytes.Equal(before, applied(t, r)) {
		t.Errorf("something was applied: followed to %d", d.Position)
	}
	if want == verifier.AlarmForked {
		s.proves(t, d.Alarm)
	}
	if r.verify(t, s.next.User, s.next.Press()) {
		t.Error("a token of a refused page signs in")
	}
	if !r.verify(t, s.old.User, s.old.Press()) {
		t.Error("a token of before no longer signs in")
	}
}

// proves checks that the alarm shows to anybody that the desk signed two histories.
func (s *scene) proves(t *testing.T, a verifier.Alarm) {
	key, err := note.NewVerifier(s.desk.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	held, err := feed.OpenCheckpoint(a.Held, key)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := feed.OpenCheckpoint(a.Shown, key)
	if err != nil || held.Size != shown.Size || held.Origin != shown.Origin ||
		held.Root == shown.Root {
		t.Errorf("held %+v and shown %+v prove nothing: %v", held, shown, err)
	}
}

// isCleared tells the truth from now on, and lets the operator act.
func (s *scene) isCleared(t *testing.T, r *rig, kind verifier.AlarmKind, logged bool) {
	s.lie.Store(nil)
	was, err := r.ClearAlarm(s.desk.ID, "a test of ours")
	if err != nil || was.Kind != kind {
		t.Fatalf("cleared %+v, %v", was, err)
	}
	if !logged {
		s.expect(t, s.proof.ID, feed.InStep)
	} else if d := s.alarm(t, r); d.Alarm.Kind != kind {
		t.Errorf("what stands in the log raises %s", d.Alarm.Kind)
	}
	d := s.until(t, r, "nothing", func(verifier.DeskStatus) bool { return true })
	if d.Cleared.Kind != kind || d.Cleared.Reason != "a test of ours" {
		t.Errorf("what was cleared is kept as %+v", d.Cleared)
	}
}

// A desk whose store was made anew under its old keys is followed from its first leaf on, once an
// operator said so, though the old log was longer.
func TestNewFeedUnderTheOldCard(t *testing.T) {
	r := newRig(t)
	s := newScene(t, t, r, "desk1", nil)
	s.mu.Lock()
	anew := s.desk.Fork(0)
	anew.Feed = feedtest.RandomID()
	s.desk, s.counter.Desk = anew, anew
	s.mu.Unlock()
	s.lie.Store(&lie{}) // ends the poll
	if d := s.alarm(t, r); d.Alarm.Kind != verifier.AlarmOtherFeed {
		t.Errorf("the alarm is %s", d.Alarm.Kind)
	}
	if err := r.Trust(s.card, verifier.Bounds{}, true); err != nil {
		t.Fatal(err)
	}
	s.expect(t, anew.Issue(feedtest.NewToken("noa")), feed.InStep)
	d := s.until(t, r, "the head", func(d verifier.DeskStatus) bool { return d.Position == 2 })
	if d.Alarm.Stands() || d.Cleared.Kind != verifier.AlarmOtherFeed {
		t.Errorf("the alarm is %q, cleared was %q", d.Alarm.Kind, d.Cleared.Kind)
	}
}

func TestClearingAnAlarm(t *testing.T) {
	r := newRig(t)
	r.trusted(t, "desk1")
	for name, c := range map[string]struct {
		desk, reason string
		want         error
	}{
		"no alarm":     {"desk1", "because", verifier.ErrNoAlarm},
		"no reason":    {"desk1", "", verifier.ErrReason},
		"no such desk": {"desk2", "because", verifier.ErrUnknownDesk},
	} {
		if _, err := r.ClearAlarm(c.desk, c.reason); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
