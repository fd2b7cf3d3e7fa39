package kiosk

import (
	"context"
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func (s *Server) getLocked(w http.ResponseWriter, r *http.Request) error {
	who, id := s.counter.now(), s.screenOf(r)
	switch id {
	case who.Owner:
		return redirect(w, r, readyPath)
	case who.Facing:
		return redirect(w, r, personPath)
	}
	sc := s.scenery(r, pages.PathHome)
	if sc.frame.Alert == nil && who.Owner == "" && who.Note != nil {
		alert := sc.problem(who.Note.Code, who.Note.Params)
		sc.frame.Alert = &alert
	}
	sc.frame.Watch = livePath + "?at=" + lockedKey(who) + "." + pluggedKey(sc.snap, sc.plugs)
	return s.show(w, r, pages.Locked(lockedView(sc)))
}

// lockedKey changes when a card is tapped in front of a locked desk.
func lockedKey(who hands) string {
	if who.Owner != "" || who.Note == nil {
		return "clear"
	}
	return string(who.Note.Code)
}

// pluggedKey is the officer whose token is plugged in: plugging it picks the name.
func pluggedKey(snap provisioning.Snapshot, plugs []provisioning.Plug) string {
	for _, p := range plugs {
		if p.Info == nil {
			continue
		}
		if holder, ok := provisioning.KeyHolder(snap, p.Info.ID()); ok {
			return string(holder)
		}
	}
	return ""
}

// liveLocked tells a locked screen when there is something new to say, or when it is unlocked.
func (s *Server) liveLocked(w http.ResponseWriter, r *http.Request) error {
	id, key := s.screenOf(r), r.URL.Query().Get("at")
	return s.live(w, r, func() (scene, error) {
		who := s.counter.now()
		plugged := pluggedKey(s.visits.Snapshot(), s.visits.Plugs())
		if who.Owner == id || who.Facing == id || lockedKey(who)+"."+plugged != key {
			return scene{location: pages.PathHome}, nil
		}
		return scene{}, nil
	})
}

// postUnlock takes the counter for the officer whose PIN is right, and whose token was touched if
// they have one. Whoever had it is locked out, and their visit is held.
func (s *Server) postUnlock(w http.ResponseWriter, r *http.Request) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	officer, pin, done, err := s.pin(r)
	if err != nil || !done {
		return s.orAgain(w, r, err)
	}
	to, err := s.await(r, touchAsk{Act: "unlock", Back: pages.PathHome,
		Then: func(r *http.Request, admitted provisioning.OfficerID) (string, error) {
			return s.unlock(r, admitted, op)
		},
	}, func(ctx context.Context, tell func(provisioning.KeyWait)) (provisioning.OfficerID, error) {
		defer pin.Wipe()
		admitted, err := s.officers.Unlock(ctx, officer, pin, tell)
		return admitted.ID, err
	})
	if err != nil {
		return err
	}
	return redirect(w, r, to)
}

// unlock gives the counter to an officer who was admitted.
func (s *Server) unlock(
	r *http.Request, admitted provisioning.OfficerID, op provisioning.OpID,
) (string, error) {
	before := s.counter.now()
	if before.Officer != "" && before.Officer != admitted {
		s.hold(r.Context(), before)
	}
	if err := s.admit(r, admitted); err != nil {
		return "", err
	}
	s.turnBack(r, admitted, op)
	return readyPath, nil
}

// orAgain shows the page again after one key of a keypad, or says what was wrong.
func (s *Server) orAgain(w http.ResponseWriter, r *http.Request, err error) error {
	if err != nil {
		return err
	}
	return redirect(w, r, r.URL.RequestURI())
}

// admit gives the counter to this session, under a new id.
func (s *Server) admit(r *http.Request, officer provisioning.OfficerID) error {
	s.screens.forget(s.screenOf(r))
	id, err := s.handOver(r)
	if err != nil {
		return err
	}
	s.counter.take(hands{Owner: id, Officer: officer, Until: s.now().Add(idleReady)})
	return nil
}

// turnBack ends the person's view of a visit whose officer has just shown the PIN.
func (s *Server) turnBack(r *http.Request, officer provisioning.OfficerID, op provisioning.OpID) {
	v, open := current(s.visits.Snapshot(), s.counter.now())
	if !open || !v.Turned {
		return
	}
	_, err := s.order(r.Context(), officer, op, v.ID, provisioning.Turn{Away: false})
	if err != nil {
		s.log.WarnContext(r.Context(), "turn back", "err", err)
	}
}

// postLock locks the desk and holds the visit at the counter.
func (s *Server) postLock(w http.ResponseWriter, r *http.Request) error {
	who, id := s.counter.now(), s.screenOf(r)
	if id == who.Owner {
		s.hold(r.Context(), who)
		s.counter.lock(who)
	}
	s.screens.forget(id)
	if _, err := s.handOver(r); err != nil {
		return err
	}
	return redirect(w, r, pages.PathHome)
}

// pin reads a PIN page: who, and the digits. done is false after a single key, which is kept here
// because the page has no script; a PIN is never sent back.
func (s *Server) pin(r *http.Request) (
	officer provisioning.OfficerID, pin secret.PIN, done bool, err error,
) {
	typed := r.PostForm.Get("pin")
	r.PostForm.Del("pin")
	r.Form.Del("pin")
	key := r.PostForm.Get("k")
	s.screens.edit(s.screenOf(r), func(sc *screen) {
		sc.at(r.URL.Path)
		if o := r.PostForm.Get("officer"); o != "" {
			sc.officer = provisioning.OfficerID(o)
		}
		for i := range len(typed) {
			sc.typed(typed[i])
		}
		switch {
		case key == "del":
			sc.rubbed()
		case len(key) == 1:
			sc.typed(key[0])
		default:
			officer, done = sc.officer, true
			pin, sc.digits = sc.digits, secret.PIN{}
		}
	})
	if done && pin.IsZero() {
		return officer, pin, true, provisioning.Refuse(CodePINMissing)
	}
	return officer, pin, done, nil
}

// field reads a text field with a keypad under it; done is false after a single key.
func (s *Server) field(r *http.Request, name string, longest int) (text string, done bool) {
	text = r.PostForm.Get(name)
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest])
	}
	key := r.PostForm.Get("k")
	done = key == "" || key == "ok"
	if !done {
		text = pages.Press(text, key, longest)
	}
	s.screens.edit(s.screenOf(r), func(sc *screen) {
		sc.number, sc.numberPath = text, r.URL.Path
	})
	return text, done
}

// typed is what stands in the field of the page at path.
func (s *Server) typed(r *http.Request, path string) string {
	sc := s.screens.read(s.screenOf(r))
	if sc.numberPath != path {
		return ""
	}
	return sc.number
}
