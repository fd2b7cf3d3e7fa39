package verifier_test

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// meets lets the first calls for a page go wrong, and says how often they did.
func meets(s *scene, wrong func(w http.ResponseWriter, body []byte)) *atomic.Int64 {
	var met atomic.Int64
	s.tells(lie{answer: func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.URL.Path != feed.PathRecords || met.Add(1) > 2 {
			return false
		}
		wrong(w, body)
		return true
	}})
	return &met
}

// What happens to an honest desk and to the line raises no alarm, and nothing is lost by it.
func TestHiccupsRaiseNoAlarm(t *testing.T) {
	r := newRig(t)
	status := func(code int) func(*scene, *rig) *atomic.Int64 {
		return func(s *scene, _ *rig) *atomic.Int64 {
			return meets(s, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(code) })
		}
	}
	cut := func(share int) func(*scene, *rig) *atomic.Int64 {
		return func(s *scene, _ *rig) *atomic.Int64 {
			return meets(s, func(w http.ResponseWriter, body []byte) {
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				_, _ = w.Write(body[:len(body)*share/100])
				panic(http.ErrAbortHandler)
			})
		}
	}
	instead := func(make func(s *scene) (feed.Page, error)) func(*scene, *rig) *atomic.Int64 {
		return func(s *scene, _ *rig) *atomic.Int64 {
			return meets(s, func(w http.ResponseWriter, _ []byte) {
				page, err := make(s)
				if err != nil {
					panic(err)
				}
				send(w, page)
			})
		}
	}
	hiccups := map[string]func(*scene, *rig) *atomic.Int64{
		"503": status(http.StatusServiceUnavailable), "500": status(http.StatusInternalServerError),
		"429": status(http.StatusTooManyRequests), "404 of a proxy": status(http.StatusNotFound),
		"cut before the body": cut(0), "cut in the body": cut(50), "cut at the end": cut(99),
		"an empty page": instead(func(s *scene) (feed.Page, error) { return s.desk.Fork(2).Page(2, 9) }),
		"a page that was cut short": instead(func(s *scene) (feed.Page, error) {
			return s.desk.Page(2, 1)
		}),
		"a page again": instead(func(s *scene) (feed.Page, error) { return s.desk.Page(0, 2) }),
		"the desk starts anew": func(s *scene, r *rig) *atomic.Int64 {
			s.stop()
			s.tells(lie{})
			s.serve(t, r)
			r.trust(t, s.counter, verifier.Bounds{})
			met := atomic.Int64{}
			met.Add(1)
			return &met
		},
	}
	t.Run("at the desk", func(t *testing.T) {
		at := 200
		for name, happens := range hiccups {
			at++
			id := "desk" + strconv.Itoa(at)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				isNoAlarm(t, r, id, happens)
			})
		}
	})
	t.Run("the verifier starts anew", func(t *testing.T) { startsAnew(t, r) })
}

func isNoAlarm(t *testing.T, r *rig, id string, happens func(*scene, *rig) *atomic.Int64) {
	s := newScene(t, t, r, id, nil)
	s.mu.Lock()
	met := happens(s, r)
	s.mu.Unlock()
	s.expect(t, s.proof.ID, feed.InStep)
	d := s.until(t, r, "the head", func(d verifier.DeskStatus) bool { return d.Position == 5 })
	if d.Alarm.Stands() || met.Load() == 0 {
		t.Errorf("met %d times, the alarm is %q", met.Load(), d.Alarm.Kind)
	}
}

// startsAnew stops the verifier between a page and its ack: the desk gives the page again.
func startsAnew(t *testing.T, r *rig) {
	s := newScene(t, t, r, "desk300", nil)
	s.mu.Lock()
	var acks atomic.Int64
	s.tells(lie{answer: func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.URL.Path != feed.PathAcks {
			return false
		}
		acks.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}})
	s.mu.Unlock()
	s.until(t, r, "a page", func(d verifier.DeskStatus) bool {
		return d.Position == 5 && acks.Load() > 0
	})
	r.stop()
	s.lie.Store(nil)
	again := start(t, r.dir)
	s.expect(t, s.proof.ID, feed.InStep)
	token := feedtest.NewToken("later")
	s.expect(t, s.desk.Issue(token), feed.InStep)
	d := s.until(t, again, "the head", func(d verifier.DeskStatus) bool { return d.Position == 7 })
	if d.Alarm.Stands() || acks.Load() == 0 {
		t.Errorf("met %d times, the alarm is %q", acks.Load(), d.Alarm.Kind)
	}
}
