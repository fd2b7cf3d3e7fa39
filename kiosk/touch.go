package kiosk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// touchAsk is what a screen asks a touch of an officer's token for.
type touchAsk struct {
	// Act names the sentence that says what for: the catalogue's touch.act_ and this.
	Act string
	// Other: it is another officer's token than that of the unlocked one.
	Other bool
	// Back is the page that Cancel leads to and that shows a refusal.
	Back string
	// Then goes on once it was touched, by the officer proven: it runs once, with the request that
	// shows its result, and returns the page to show.
	Then func(r *http.Request, proven provisioning.OfficerID) (to string, err error)
}

// touchLife is how long what a touch led to waits for its page, which asks every two seconds.
const touchLife = 15 * time.Second

// touching is one screen's waiting.
type touching struct {
	ask    touchAsk
	cancel context.CancelFunc
	// shown is closed at the first thing there is to show: something is waited for, or it is over.
	shown chan struct{}
	once  sync.Once
	// ended is closed once the token is free again.
	ended chan struct{}

	mu     sync.Mutex
	wait   provisioning.KeyWait
	over   bool
	until  time.Time // when what it led to is forgotten
	proven provisioning.OfficerID
	err    error
}

// now is what is waited for, and whether it is over.
func (t *touching) now() (provisioning.KeyWait, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wait, t.over
}

func (t *touching) stale(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over && now.After(t.until)
}

func (t *touching) edit(change func(*touching)) {
	t.mu.Lock()
	change(t)
	t.mu.Unlock()
	t.once.Do(func() { close(t.shown) })
}

// touches are the waitings by screen, and those about to begin.
type touches struct {
	jobs chan func(context.Context)
	mu   sync.Mutex
	kept map[string]*touching
}

func newTouches() *touches {
	return &touches{jobs: make(chan func(context.Context)), kept: map[string]*touching{}}
}

// of is what a screen waits for. What nobody came to see is forgotten: a touch made now must not
// open the desk to whoever comes back to the page in an hour.
func (t *touches) of(id string, now time.Time) (*touching, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for each, old := range t.kept {
		if old.stale(now) {
			delete(t.kept, each)
		}
	}
	found, ok := t.kept[id]
	return found, ok
}

// keep makes a waiting the screen's; one from before is called off.
func (t *touches) keep(id string, mine *touching) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.kept[id]; ok && old != mine {
		old.cancel()
	}
	t.kept[id] = mine
}

// take ends a screen's waiting, for one caller.
func (t *touches) take(id string) (*touching, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.kept[id]
	delete(t.kept, id)
	return found, ok
}

// waiter waits for a token, and tells what for.
type waiter func(
	ctx context.Context, tell func(provisioning.KeyWait),
) (provisioning.OfficerID, error)

// await has Run wait for a token and returns the page to show: that of the touch, or, when nothing
// had to be waited for, what comes after it.
func (s *Server) await(r *http.Request, ask touchAsk, wait waiter) (to string, err error) {
	id := s.screenOf(r)
	mine := &touching{ask: ask, shown: make(chan struct{}), ended: make(chan struct{})}
	job := func(ctx context.Context) {
		ctx, mine.cancel = context.WithCancel(ctx)
		defer close(mine.ended)
		defer mine.cancel()
		proven, err := wait(ctx, func(what provisioning.KeyWait) {
			s.touches.keep(id, mine)
			mine.edit(func(t *touching) { t.wait = what })
			s.counter.edit(func(*hands) {}) // the page is made again.
		})
		mine.edit(func(t *touching) {
			t.over, t.until, t.proven, t.err = true, s.now().Add(touchLife), proven, err
		})
		s.counter.edit(func(*hands) {})
	}
	select {
	case s.touches.jobs <- job:
	case <-r.Context().Done():
		return "", r.Context().Err()
	case <-s.done:
		return ask.Back, nil
	}
	<-mine.shown
	if _, over := mine.now(); !over {
		return pages.PathTouch, nil
	}
	return s.after(r, mine)
}

// after goes on where a waiting has ended. A refusal is the caller's to show.
func (s *Server) after(r *http.Request, t *touching) (string, error) {
	if t.err != nil {
		return "", t.err
	}
	return t.ask.Then(r, t.proven)
}

// touchAgain asks the unlocked officer for a touch of a token before something is done, and returns
// the page to show: use it as where a form leads. Whoever takes the counter meanwhile ends it.
func (s *Server) touchAgain(r *http.Request, who hands, ask touchAsk) (to string, err error) {
	then := ask.Then
	ask.Then = func(r *http.Request, proven provisioning.OfficerID) (string, error) {
		if now := s.counter.now(); now.Owner != s.screenOf(r) || s.dismissed(now.Officer) {
			return pages.PathHome, nil
		}
		to, err := then(r, proven)
		if err == nil {
			s.settled(r)
		}
		return to, err
	}
	whose := provisioning.Whose{ID: who.Officer, Other: ask.Other}
	return s.await(r, ask, func(
		ctx context.Context, tell func(provisioning.KeyWait),
	) (provisioning.OfficerID, error) {
		return s.officers.Touch(ctx, whose, tell)
	})
}

// touched does an act of a visit that needs the officer's touch first, where it does.
func (a act) touched(
	what string, do func(a act, by provisioning.OfficerID) error,
) (string, error) {
	if !provisioning.TouchNeeded(a.s.visits.Snapshot(), a.s.site, a.who.Officer) {
		return a.here(), do(a, "")
	}
	return a.s.touchAgain(a.r, a.who, touchAsk{Act: what, Back: a.r.URL.RequestURI(),
		Then: func(r *http.Request, by provisioning.OfficerID) (string, error) {
			a.r = r
			return a.here(), do(a, by)
		}})
}

// getTouch shows what is waited for, and goes on when it is over.
func (s *Server) getTouch(w http.ResponseWriter, r *http.Request) error {
	id := s.screenOf(r)
	t, ok := s.touches.of(id, s.now())
	if !ok {
		return redirect(w, r, pages.PathHome)
	}
	if _, over := t.now(); !over {
		return s.show(w, r, pages.Touch(s.touchView(r, t)))
	}
	if t, ok = s.touches.take(id); !ok {
		return redirect(w, r, pages.PathHome)
	}
	to, err := s.after(r, t)
	var refusal *provisioning.Refusal
	switch {
	case errors.As(err, &refusal):
		s.say(r, pathOf(t.ask.Back), refusal)
		return redirect(w, r, t.ask.Back)
	case errors.Is(err, context.Canceled):
		return redirect(w, r, t.ask.Back)
	case err != nil:
		return err
	}
	return redirect(w, r, to)
}

// pathOf is an address without its query.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return pages.PathHome
	}
	return u.Path
}

// postTouch calls a waiting off.
func (s *Server) postTouch(w http.ResponseWriter, r *http.Request) error {
	if _, err := opOf(r); err != nil {
		return err
	}
	if r.PostForm.Get("do") != pages.DoCancel {
		return errBadForm
	}
	t, ok := s.touches.take(s.screenOf(r))
	if !ok {
		return redirect(w, r, pages.PathHome)
	}
	t.cancel()
	select { // who asks again at once finds the token free
	case <-t.ended:
	case <-r.Context().Done():
	}
	return redirect(w, r, t.ask.Back)
}

// liveTouch follows what is waited for.
func (s *Server) liveTouch(w http.ResponseWriter, r *http.Request) error {
	id := s.screenOf(r)
	return s.live(w, r, func() (scene, error) {
		t, ok := s.touches.of(id, s.now())
		if !ok {
			return scene{location: pages.PathHome}, nil
		}
		if _, over := t.now(); over {
			return scene{location: pages.PathTouch}, nil
		}
		return scene{fragment: pages.TouchLive(s.touchView(r, t))}, nil
	})
}

func (s *Server) touchView(r *http.Request, t *touching) pages.TouchView {
	sc := s.scenery(r, pages.PathTouch)
	sc.frame.Live, sc.frame.Idle = pages.PathTouch+"/live", pages.Idle{}
	wait, _ := t.now()
	return pages.TouchView{Frame: sc.frame, Act: t.ask.Act, Other: t.ask.Other,
		Stage: pages.TouchStage(wait)}
}
