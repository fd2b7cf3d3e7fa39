package kiosk

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// Cookies of how pages look.
const (
	themeCookie = "theme"
	textCookie  = "text"
	langCookie  = "lang"
)

// patience bounds an order: hardware is not waited for inside one.
const patience = 30 * time.Second

// order carries one command out in the officer's name. It is finished even if the browser leaves.
func (s *Server) order(
	ctx context.Context, by provisioning.OfficerID, op provisioning.OpID,
	visit provisioning.VisitID, command provisioning.Command,
) (provisioning.VisitID, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	health := s.health.Health(ctx)
	return s.visits.Do(ctx, provisioning.Order{
		By: by, Op: op, Visit: visit, At: s.now(), Synced: health.ClockSynced,
		DirectoryDown: !health.DirectoryUp, Command: command,
	})
}

func (s *Server) getReady(w http.ResponseWriter, r *http.Request, who hands) error {
	sc := s.scenery(r, readyPath)
	if v, open := current(sc.snap, who); open {
		return redirect(w, r, visitPath(v.ID))
	}
	sc.frame.Live = readyPath + "/live?at=" + noteKey(sc)
	view := readyView(sc)
	view.ReaderDown = s.readerDown()
	return s.show(w, r, pages.Ready(view))
}

// noteKey changes when the note about a card on top of a page does.
func noteKey(sc scenery) string {
	if sc.hands.Note == nil {
		return "clear"
	}
	return string(sc.hands.Note.Code)
}

func (s *Server) liveReady(w http.ResponseWriter, r *http.Request, who hands) error {
	key := r.URL.Query().Get("at")
	return s.live(w, r, func() (scene, error) {
		sc := s.scenery(r, readyPath)
		if sc.hands.Owner != who.Owner {
			return scene{location: pages.PathHome}, nil
		}
		if v, open := current(sc.snap, sc.hands); open {
			return scene{location: visitPath(v.ID)}, nil
		}
		if noteKey(sc) != key {
			return scene{location: readyPath}, nil
		}
		view := readyView(sc)
		view.ReaderDown = s.readerDown()
		return scene{fragment: pages.ReadyLive(view)}, nil
	})
}

// postReady opens the visit of whoever has the plugged token on loan.
func (s *Server) postReady(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get("do") != pages.DoOpenPlug {
		return errBadForm
	}
	snap := s.visits.Snapshot()
	for _, p := range s.visits.Plugs() {
		if p.ID != r.PostForm.Get("plug") || p.Info == nil {
			continue
		}
		if loan, ok := openLoanOf(snap, p.Info.ID()); ok {
			person, _ := provisioning.Get[provisioning.Person](snap, string(loan.Person))
			return s.openReturn(w, r, who, op, person)
		}
	}
	return provisioning.Refuse(provisioning.CodeTokenAbsent)
}

// openReturn goes straight to the return: a token is taken back from whoever brings it. A visit
// that was held in the middle of something else is only taken up.
func (s *Server) openReturn(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID,
	person provisioning.Person,
) error {
	id, err := s.order(r.Context(), who.Officer, op, "", provisioning.Open{Person: person})
	if err != nil {
		return err
	}
	_, err = s.order(r.Context(), who.Officer, op+"/return", id,
		provisioning.Choose{Errand: provisioning.ErrandReturn})
	var refusal *provisioning.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	s.settled(r)
	return redirect(w, r, visitPath(id))
}

func (s *Server) getNumber(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathNumber)
	letters := r.URL.Query().Get("letters") != ""
	sc.frame.Post = r.URL.RequestURI()
	sc.screen.number = s.typed(r, pages.PathNumber)
	return s.show(w, r, pages.Number(numberView(sc, letters)))
}

func (s *Server) postNumber(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	number, done := s.field(r, "number", maxNumber)
	if !done {
		return redirect(w, r, r.URL.RequestURI())
	}
	if number = strings.TrimSpace(number); number == "" {
		return provisioning.Refuse(CodeNumberMissing)
	}
	person, err := s.find(r.Context(), number)
	if err != nil {
		return err
	}
	return s.open(w, r, who, op, person)
}

// lookup bounds a question to the directory.
const lookup = 8 * time.Second

// find looks a person up. Whatever else goes wrong there, the screen says the directory is down.
func (s *Server) find(ctx context.Context, number string) (provisioning.Person, error) {
	ctx, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	number = strings.TrimSuffix(number, s.site.Strip)
	person, err := s.people.Find(ctx, number)
	var refusal *provisioning.Refusal
	if err != nil && !errors.As(err, &refusal) {
		s.log.ErrorContext(ctx, "directory", "err", err)
		return person, provisioning.Refuse(CodeDirectoryDown)
	}
	return person, err
}

func (s *Server) open(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID,
	person provisioning.Person,
) error {
	id, err := s.order(r.Context(), who.Officer, op, "", provisioning.Open{Person: person})
	if err != nil {
		return err
	}
	s.settled(r)
	return redirect(w, r, visitPath(id))
}

// settled tidies up after an act that went through, and follows the visit it led to.
func (s *Server) settled(r *http.Request) {
	snap := s.visits.Snapshot()
	s.screens.edit(s.screenOf(r), func(sc *screen) {
		sc.path, sc.said, sc.number, sc.numberPath = "", nil, "", ""
	})
	s.counter.edit(func(h *hands) {
		h.Note = nil
		if v, open := current(snap, *h); open {
			h.Visit = v.ID
		}
		if h.Owner != "" {
			h.Until = s.now().Add(idleReady)
		}
	})
}

func (s *Server) getHeld(w http.ResponseWriter, r *http.Request, _ hands) error {
	return s.show(w, r, pages.Held(heldView(s.scenery(r, pages.PathHeld))))
}

func (s *Server) getParked(w http.ResponseWriter, r *http.Request, _ hands) error {
	return s.show(w, r, pages.ParkedList(parkedView(s.scenery(r, pages.PathParked))))
}

func (s *Server) getDoubtful(w http.ResponseWriter, r *http.Request, _ hands) error {
	return s.show(w, r, pages.Doubtful(doubtfulView(s.scenery(r, pages.PathDoubtful))))
}

// postWaiting takes a held or parked visit up again, or ends it.
func (s *Server) postWaiting(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	id := provisioning.VisitID(r.PostForm.Get("visit"))
	switch r.PostForm.Get("do") {
	case pages.DoResume:
		if _, err := s.order(r.Context(), who.Officer, op, id, provisioning.Resume{}); err != nil {
			return err
		}
		s.settled(r)
		return redirect(w, r, visitPath(id))
	case pages.DoTakeOver:
		if _, err := s.order(r.Context(), who.Officer, op, id, provisioning.TakeOver{}); err != nil {
			return err
		}
		s.settled(r)
		return redirect(w, r, visitPath(id))
	case pages.DoEnd:
		if _, err := s.order(r.Context(), who.Officer, op, id, provisioning.End{}); err != nil {
			return err
		}
		s.settled(r)
		return redirect(w, r, r.URL.Path)
	}
	return errBadForm
}

// postAlive says that somebody is here: it moves the deadline of the visit, or of the desk.
func (s *Server) postAlive(w http.ResponseWriter, r *http.Request) error {
	who, id := s.counter.now(), s.screenOf(r)
	if id == who.Owner || id == who.Facing {
		if v, open := current(s.visits.Snapshot(), who); open {
			op := provisioning.OpID(newID())
			if _, err := s.order(r.Context(), who.Officer, op, v.ID, provisioning.Stay{}); err != nil {
				s.log.InfoContext(r.Context(), "stay", "err", err)
			}
		}
		s.counter.active(s.now())
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) getEnded(w http.ResponseWriter, r *http.Request) error {
	s.simple(w, r, http.StatusOK, pages.SimpleEnded, "")
	return nil
}

func (s *Server) getDisplay(w http.ResponseWriter, r *http.Request) error {
	v := pages.DisplayView{Frame: look(r)}
	v.Frame.Back = local(r.URL.Query().Get("back"))
	return s.show(w, r, pages.Display(v))
}

func (s *Server) postDisplay(w http.ResponseWriter, r *http.Request) error {
	for name, value := range map[string]string{
		themeCookie: oneOf(r.PostForm.Get("theme"), "light", "dark", "contrast"),
		textCookie:  oneOf(r.PostForm.Get("text"), "large"),
	} {
		keep(w, name, value)
	}
	if err := s.speak(w, r); err != nil {
		return err
	}
	return redirect(w, r, local(r.PostForm.Get("back")))
}

// keep remembers in this browser how its pages should look.
func keep(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 3600})
}

// local keeps a way back on this desk.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsAny(path, "\\\r\n\t") {
		return pages.PathHome
	}
	return path
}
