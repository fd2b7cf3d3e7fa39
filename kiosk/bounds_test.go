package kiosk

import (
	"strconv"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
)

// The screen that has the counter keeps its session and its stream, whatever else is opened on this
// very box.
func TestTheCounterIsCrowdedOutByNobody(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	who := hands{Owner: "officer"}
	s := &sessionStore{now: func() time.Time { return at }, stays: who.hold, kept: map[string]kept{}}
	commit := func(token, id string) {
		data, err := scs.GobCodec{}.Encode(at.Add(time.Hour), map[string]any{sessionID: id})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CommitCtx(t.Context(), token, data, at.Add(time.Hour+time.Duration(len(s.kept)))); err != nil {
			t.Fatal(err)
		}
	}
	commit("owner", "officer")
	for i := range 2 * maxSessions {
		commit(strconv.Itoa(i), "other"+strconv.Itoa(i))
	}
	if _, found, _ := s.Find("owner"); !found || len(s.kept) != maxSessions {
		t.Errorf("found %v of %d", found, len(s.kept))
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s, who := newStreams(), hands{Owner: "officer"}
	officer := s.join("officer", "127.0.0.1", who)
	person := s.join("person", "192.0.2.1", who)
	for i := range 4 * maxAllStreams {
		s.join(strconv.Itoa(i), "127.0.0.1", who)
	}
	if len(s.open) != maxAllStreams {
		t.Errorf("%d are open", len(s.open))
	}
	for _, mine := range []*live{officer, person} {
		select {
		case <-mine.ended:
			t.Errorf("%s had to make room", mine.id)
		default:
		}
		s.leave(mine)
	}
	if len(s.open) != maxAllStreams-2 {
		t.Errorf("%d are left", len(s.open))
	}
}
