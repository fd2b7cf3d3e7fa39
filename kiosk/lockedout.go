package kiosk

import (
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// getLockedOut lists the officers whose tries were used up, for a supervisor.
func (s *Server) getLockedOut(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathLockedOut)
	if !sc.officer.Supervisor {
		return redirect(w, r, pages.PathHome)
	}
	return s.show(w, r, pages.LockedOut(lockedOutView(sc)))
}

// postLockedOut unlocks one of them.
func (s *Server) postLockedOut(w http.ResponseWriter, r *http.Request, who hands) error {
	if _, err := opOf(r); err != nil {
		return err
	}
	if r.PostForm.Get("do") != pages.DoLift {
		return errBadForm
	}
	id := provisioning.OfficerID(r.PostForm.Get("officer"))
	if err := s.officers.LiftAs(r.Context(), who.Officer, id); err != nil {
		return err
	}
	return redirect(w, r, pages.PathLockedOut)
}

func lockedOutView(sc scenery) pages.LockedOutView {
	v := pages.LockedOutView{Frame: sc.frame}
	v.Frame.Back = pages.PathHome
	for o := range provisioning.All[provisioning.Officer](sc.snap) {
		if o.LockedOut() && o.ID != sc.officer.ID {
			v.Rows = append(v.Rows, pages.LockedOutRow{ID: string(o.ID), Name: o.Name})
		}
	}
	return v
}
