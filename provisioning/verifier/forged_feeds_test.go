package verifier_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// forgery is something that a desk that turned bad may try.
type forgery struct {
	name string
	want verifier.AlarmKind
	how  func(*scene)
	// logged says that it stands in the desk's signed log and is met again.
	logged bool
}

var forgeries = []forgery{
	{"a leaf left out", verifier.AlarmOmitted, leaves(func(l []feed.Leaf) []feed.Leaf {
		return slices.Delete(l, 1, 2)
	}), false},
	{"the last leaf cut off", verifier.AlarmOmitted, page(func(_ *scene, p *feed.Page) {
		p.Leaves = p.Leaves[:len(p.Leaves)-1]
		p.Head = p.After + int64(len(p.Leaves))
	}), false},
	{"a leaf left out, and as many signed", verifier.AlarmRewritten,
		page(func(s *scene, p *feed.Page) {
			p.Leaves = slices.Delete(slices.Clone(p.Leaves), 0, 1)
			p.Checkpoint, _ = s.desk.Checkpoint(p.After + int64(len(p.Leaves)))
		}), false},
	{"a state withheld from its leaf", verifier.AlarmRewritten,
		leaves(func(l []feed.Leaf) []feed.Leaf { l[2].Records = nil; return l }), false},
	{"a sealed byte flipped", verifier.AlarmRewritten, leaves(func(l []feed.Leaf) []feed.Leaf {
		l[0].Records = slices.Clone(l[0].Records)
		l[0].Records[0].Sealed = bytes.Clone(l[0].Records[0].Sealed)
		l[0].Records[0].Sealed[100] ^= 1
		return l
	}), false},
	{"a state changed", verifier.AlarmRewritten, leaves(func(l []feed.Leaf) []feed.Leaf {
		l[2].Records = slices.Clone(l[2].Records)
		l[2].Records[0].State = feed.StateResumed
		return l
	}), false},
	{"two leaves exchanged", verifier.AlarmReordered, leaves(func(l []feed.Leaf) []feed.Leaf {
		l[0], l[2] = l[2], l[0]
		return l
	}), false},
	{"the records of two leaves exchanged", verifier.AlarmReordered,
		leaves(func(l []feed.Leaf) []feed.Leaf {
			l[1].Records, l[2].Records = l[2].Records, l[1].Records
			return l
		}), false},
	{"an old page as a new one", verifier.AlarmReplayed, page(func(s *scene, p *feed.Page) {
		after, head := p.After, p.Head
		*p = s.first
		p.After, p.Head = after, head
	}), false},
	{"a leaf twice in a page", verifier.AlarmReplayed, leaves(func(l []feed.Leaf) []feed.Leaf {
		l[1] = l[0]
		return l
	}), false},
	{"an old record in a new leaf", verifier.AlarmRepeatedRecord,
		logs(func(s *scene) []feed.Record { return s.first.Leaves[1].Records }), true},
	{"another record under an old id", verifier.AlarmRepeatedRecord,
		logs(func(s *scene) []feed.Record {
			s.proof.ID = s.first.Leaves[1].Records[0].ID
			return []feed.Record{s.seed, s.proof}
		}), true},
	{"another desk's record", verifier.AlarmForeignRecord, logs(func(s *scene) []feed.Record {
		s.orders.Desk = "desk0"
		return []feed.Record{s.seed, s.orders}
	}), true},
	{"a time far in the future", verifier.AlarmFutureRecord, logs(func(s *scene) []feed.Record {
		s.orders.At = s.orders.At.AddDate(1, 0, 0)
		return []feed.Record{s.seed, s.orders}
	}), true},
	{"a checkpoint of another key", verifier.AlarmOtherKey,
		signs(func(s *scene, p *feed.Page) ([]byte, error) {
			origin := feed.Origin(s.desk.ID, s.desk.Feed)
			return s.elsewhere.Sign(feed.Checkpoint{Origin: origin, Size: p.Head})
		}), false},
	{"another desk's page under this feed's name", verifier.AlarmOtherKey,
		page(func(s *scene, p *feed.Page) {
			*p, _ = s.elsewhere.Page(p.After, 3)
			p.Feed = s.desk.Feed
		}), false},
	{"another log key", verifier.AlarmOtherKey,
		meta(func(s *scene, m *feed.Meta) { m.LogKey = s.elsewhere.LogKey }), false},
	{"another desk answers", verifier.AlarmOtherDesk,
		meta(func(_ *scene, m *feed.Meta) { m.Desk = "desk0" }), false},
	{"another desk's page", verifier.AlarmOtherFeed,
		page(func(s *scene, p *feed.Page) { *p, _ = s.elsewhere.Page(p.After, 3) }), false},
	{"a feed that begins anew", verifier.AlarmOtherFeed,
		meta(func(_ *scene, m *feed.Meta) { m.Feed, m.Head = feedtest.RandomID(), 0 }), false},
	{"a checkpoint of another feed", verifier.AlarmOtherLog,
		signs(func(s *scene, p *feed.Page) ([]byte, error) {
			return s.desk.Sign(feed.Checkpoint{Origin: s.desk.ID + "/another", Size: p.Head})
		}), false},
	{"no checkpoint", verifier.AlarmNoCheckpoint,
		signs(func(*scene, *feed.Page) ([]byte, error) { return nil, nil }), false},
	{"a broken checkpoint", verifier.AlarmNoCheckpoint,
		signs(func(_ *scene, p *feed.Page) ([]byte, error) { return p.Checkpoint[:40], nil }), false},
	{"an old checkpoint", verifier.AlarmStaleCheckpoint,
		signs(func(s *scene, p *feed.Page) ([]byte, error) { return s.desk.Checkpoint(p.Head - 1) }),
		false},
	{"another history", verifier.AlarmForked, func(s *scene) { s.tells(otherHistory(s)) }, false},
	{"another history on another connection", verifier.AlarmForked, func(s *scene) {
		told, once := otherHistory(s), sync.Once{}
		told.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) (cut bool) {
			once.Do(func() { w.WriteHeader(http.StatusServiceUnavailable); cut = true })
			return cut
		}
		s.tells(told)
	}, false},
	{"another history of the same length", verifier.AlarmForked,
		page(func(s *scene, p *feed.Page) {
			fork := s.desk.Fork(1)
			fork.Commit()
			*p, _ = fork.Page(2, 1)
		}), false},
	{"a log that was emptied", verifier.AlarmRolledBack,
		meta(func(_ *scene, m *feed.Meta) { m.Head = 0 }), false},
	{"a log that was cut back", verifier.AlarmRolledBack, page(func(s *scene, p *feed.Page) {
		*p, _ = s.desk.Fork(1).Page(0, 1)
	}), false},
	{"a position that is no longer there", verifier.AlarmRolledBack,
		answer(http.StatusRequestedRangeNotSatisfiable, func(string) string {
			return `{"type":"` + feed.ProblemBeyond.Type + `"}`
		}), false},
	{"a head that falls", verifier.AlarmHeadFell, func(s *scene) {
		told := 0
		s.tells(lie{page: func(after int64, _ int, p *feed.Page) {
			if told++; told == 1 {
				p.Leaves, p.Head = nil, p.Head+100
				p.Checkpoint = s.first.Checkpoint
			}
		}})
	}, false},
	{"leaves told of and never sent", verifier.AlarmWithheld, page(func(s *scene, p *feed.Page) {
		p.Leaves, p.Checkpoint = nil, s.first.Checkpoint
	}), false},
	{"no JSON", verifier.AlarmBadShape,
		answer(200, func(string) string { return "<html>" }), false},
	{"a number too large", verifier.AlarmBadShape, answer(200, func(body string) string {
		return strings.Replace(body, `"after":2`, `"after":18446744073709551618`, 1)
	}), false},
	{"a head below its own leaves", verifier.AlarmBadShape,
		page(func(_ *scene, p *feed.Page) { p.Head = p.After }), false},
	{"a short commitment", verifier.AlarmBadShape, leaves(func(l []feed.Leaf) []feed.Leaf {
		l[0].Commitment = l[0].Commitment[:31]
		return l
	}), false},
	{"an endless page", verifier.AlarmTooLarge, answer(200, func(body string) string {
		return body + strings.Repeat(" ", feed.MaxPage*2)
	}), false},
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
