package kiosk

import (
	"errors"
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// getPerson shows the turned screen: the terms or a passcode, or the way back to the officer.
func (s *Server) getPerson(w http.ResponseWriter, r *http.Request, who hands) error {
	sc := s.scenery(r, personPath)
	v, open := current(sc.snap, who)
	if !open {
		return redirect(w, r, pages.PathHome)
	}
	sc.frame.Post = r.URL.RequestURI()
	back := r.URL.Query().Get("back") != ""
	if v.Errand == provisioning.ErrandPasscode {
		return s.getReveal(w, r, sc, factsOf(sc.snap, v), back)
	}
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
		return s.takeBack(w, r, who, op, false)
	case pages.DoLoanNow:
		return s.takeBack(w, r, who, op, r.PostForm.Get("k") != pages.KeyOnly)
	case pages.DoShow, pages.DoHide, pages.DoSlip, pages.DoNoted:
		return s.postReveal(w, r, who, op)
	}
	return errBadForm
}

// takeBack gives the screen back to the officer of the visit, and to no other. With write the
// officer has the token written in the same press, if it is the one that was shown.
func (s *Server) takeBack(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID, write bool,
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
	here := visitPath(who.Visit)
	v, _ := provisioning.Get[provisioning.Visit](s.visits.Snapshot(), string(who.Visit))
	if !write || r.PostForm.Get("token") != string(v.Token) {
		return redirect(w, r, here)
	}
	_, err = s.order(r.Context(), officer.ID, op+"/write", who.Visit, provisioning.Write{})
	var refusal *provisioning.Refusal
	if errors.As(err, &refusal) {
		s.say(r, here, refusal)
	} else if err != nil {
		return err
	}
	return redirect(w, r, here)
}
