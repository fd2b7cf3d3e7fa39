package kiosk

import (
	"context"
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// lowReserve is when an officer is advised to renew their key: soon one touch will not be enough.
const lowReserve = 100

// getKey shows what the officer's own token is, and what can be done about it.
func (s *Server) getKey(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathKey)
	v := keyView(sc)
	v.Watch = pages.PathKey + "/live?at=" + string(v.State)
	return s.show(w, r, pages.OwnToken(v))
}

// liveKey tells the page when the token is plugged in or pulled out.
func (s *Server) liveKey(w http.ResponseWriter, r *http.Request, who hands) error {
	at := r.URL.Query().Get("at")
	return s.live(w, r, func() (scene, error) {
		sc := s.scenery(r, pages.PathKey)
		if sc.hands.Owner != who.Owner {
			return scene{location: pages.PathHome}, nil
		}
		if string(keyView(sc).State) != at {
			return scene{location: pages.PathKey}, nil
		}
		return scene{}, nil
	})
}

// postKey makes the token the officer's key.
func (s *Server) postKey(w http.ResponseWriter, r *http.Request, who hands) error {
	if _, err := opOf(r); err != nil {
		return err
	}
	if r.PostForm.Get("do") != pages.DoEnrol {
		return errBadForm
	}
	overwrite := r.PostForm.Get("overwrite") == "yes"
	to, err := s.await(r, touchAsk{Act: "enrol", Back: pages.PathKey,
		Then: func(*http.Request, provisioning.OfficerID) (string, error) {
			return pages.PathKey, nil
		},
	}, func(ctx context.Context, tell func(provisioning.KeyWait)) (provisioning.OfficerID, error) {
		return who.Officer, s.officers.Enrol(ctx, who.Officer, overwrite, tell)
	})
	if err != nil {
		return err
	}
	return redirect(w, r, to)
}

// keyView is a pure function of the scenery.
func keyView(sc scenery) pages.KeyView {
	v := pages.KeyView{Frame: sc.frame, State: pages.KeyNotLent}
	v.Frame.Back = pages.PathHome
	loan, ok := provisioning.OpenLoan(sc.snap, sc.officer.Person)
	if sc.officer.Person == "" || !ok || loan.State != provisioning.LoanOpen {
		return v
	}
	v.Serial = provisioning.SerialOf(loan.Token)
	token, _ := provisioning.Get[provisioning.Token](sc.snap, string(loan.Token))
	row, _ := provisioning.Get[provisioning.OfficerKey](sc.snap, string(sc.officer.ID))
	v.Slot = 3 - token.Slot
	if key, ready := provisioning.KeyOf(sc.snap, sc.officer.ID); ready {
		v.Since, v.Low = since(sc, key.Since), key.Reserve() < lowReserve
	} else {
		v.Doubtful = row.State == provisioning.KeyIntended && row.Token == loan.Token
	}
	v.State = pages.KeyPlug
	for _, p := range sc.plugs {
		if p.Info == nil || p.Info.ID() != loan.Token {
			continue
		}
		v.State = pages.KeyPlugged
		ours := row.Token == loan.Token && row.Slot == v.Slot
		for _, slot := range p.Info.Slots {
			v.Overwrites = v.Overwrites || slot.Number == v.Slot && slot.Configured && !ours
		}
	}
	return v
}
