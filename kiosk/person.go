package kiosk

import (
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// getPerson shows the turned screen: the terms, or the way back to the officer.
func (s *Server) getPerson(w http.ResponseWriter, r *http.Request, who hands) error {
	sc := s.scenery(r, personPath)
	v, open := current(sc.snap, who)
	if !open {
		return redirect(w, r, pages.PathHome)
	}
	sc.frame.Post = r.URL.RequestURI()
	back := r.URL.Query().Get("back") != ""
	return s.show(w, r, pages.Agree(agreeView(sc, factsOf(sc.snap, v), back)))
}

// postPerson takes the person's word, or the officer's PIN. Nothing else can be done from here.
func (s *Server) postPerson(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	switch r.PostForm.Get("do") {
	case pages.DoAgree:
		_, err := s.order(r.Context(), who.Officer, op, who.Visit,
			provisioning.Agree{Terms: r.PostForm.Get("terms")})
		if err != nil {
			return err
		}
		s.settled(r)
		return redirect(w, r, personPath)
	case pages.DoTakeBack:
		return s.takeBack(w, r, who, op)
	}
	return errBadForm
}

// takeBack gives the screen back to the officer of the visit, and to no other.
func (s *Server) takeBack(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID,
) error {
	_, pin, done, err := s.pin(r)
	if err != nil || !done {
		return s.orAgain(w, r, err)
	}
	defer pin.Wipe()
	officer, err := s.officers.Check(r.Context(), who.Officer, pin)
	if err != nil {
		return err
	}
	_, err = s.order(r.Context(), officer.ID, op, who.Visit, provisioning.Turn{Away: false})
	if err != nil {
		return err
	}
	if err := s.admit(r, officer.ID); err != nil {
		return err
	}
	return redirect(w, r, visitPath(who.Visit))
}
