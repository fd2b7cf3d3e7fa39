package verifier_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

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
