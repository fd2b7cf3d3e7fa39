package kiosk

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// tokenPath is the page of a token; an id is its vendor and its serial.
func tokenPath(id provisioning.TokenID) string {
	vendor, serial, _ := strings.Cut(string(id), "/")
	return pages.PathTokens + "/" + url.PathEscape(vendor) + "/" + url.PathEscape(serial)
}

// tokenOf is the token a request is about.
func (s *Server) tokenOf(r *http.Request) (provisioning.Token, bool) {
	return provisioning.Get[provisioning.Token](s.visits.Snapshot(),
		r.PathValue("vendor")+"/"+r.PathValue("serial"))
}

func (s *Server) getTokens(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathTokens)
	v := pages.TokenSearchView{Frame: sc.frame,
		Pad: pages.Pad{Value: s.typed(r, pages.PathTokens), Max: maxNumber}}
	v.Frame.Back = pages.PathHome
	return s.show(w, r, pages.TokenSearch(v))
}

// postTokens finds a token by its serial, typed with or without the gaps it is shown with.
func (s *Server) postTokens(w http.ResponseWriter, r *http.Request, _ hands) error {
	if _, err := opOf(r); err != nil {
		return err
	}
	serial, done := s.field(r, "serial", maxNumber)
	if !done {
		return redirect(w, r, r.URL.RequestURI())
	}
	serial = strings.ReplaceAll(serial, " ", "")
	for t := range provisioning.Find[provisioning.Token](
		s.visits.Snapshot(), provisioning.BySerial, serial) {
		s.settled(r)
		return redirect(w, r, tokenPath(t.ID))
	}
	for t := range provisioning.Find[provisioning.SiteToken](
		s.visits.Snapshot(), provisioning.BySerial, serial) {
		s.settled(r)
		return redirect(w, r, tokenPath(t.ID))
	}
	return provisioning.Refuse(provisioning.CodeTokenUnknown)
}

func (s *Server) getToken(w http.ResponseWriter, r *http.Request, _ hands) error {
	if v, there := s.elsewhere(r); there {
		return s.show(w, r, pages.Elsewhere(v))
	}
	t, ok := s.tokenOf(r)
	if !ok {
		return errNotFound
	}
	sc := s.scenery(r, tokenPath(t.ID))
	sc.frame.Live = sc.frame.Here + "/live"
	return s.show(w, r, pages.Token(tokenView(sc, t)))
}

func (s *Server) liveToken(w http.ResponseWriter, r *http.Request, who hands) error {
	return s.live(w, r, func() (scene, error) {
		if v, there := s.elsewhere(r); there || r.URL.Query().Get("at") != "" {
			return s.elsewhereScene(r, who, v, there), nil
		}
		t, known := s.tokenOf(r)
		sc := s.scenery(r, tokenPath(t.ID))
		if !known || sc.hands.Owner != who.Owner {
			return scene{location: pages.PathHome}, nil
		}
		if v, open := current(sc.snap, sc.hands); open {
			return scene{location: visitPath(v.ID)}, nil
		}
		return scene{fragment: pages.TokenLive(tokenView(sc, t))}, nil
	})
}

// postToken wipes a token and puts it back in stock, or opens the visit of whoever has it.
func (s *Server) postToken(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	if act, ok := actsThere[r.PostForm.Get("do")]; ok {
		return s.orderThere(w, r, who, op, act)
	}
	t, ok := s.tokenOf(r)
	if !ok {
		return errNotFound
	}
	switch r.PostForm.Get("do") {
	case pages.DoRestock:
		_, err := s.order(r.Context(), who.Officer, op, "", provisioning.Restock{Token: t.ID})
		if err != nil {
			return err
		}
		s.settled(r)
		return redirect(w, r, tokenPath(t.ID))
	case pages.DoOpen:
		snap := s.visits.Snapshot()
		loan, lent := openLoanOf(snap, t.ID)
		if !lent {
			return provisioning.Refuse(provisioning.CodeLoanUnknown)
		}
		person, _ := provisioning.Get[provisioning.Person](snap, string(loan.Person))
		return s.open(w, r, who, op, person)
	}
	return errBadForm
}

// tokenView is one token: where it is, who has it, and what can be done about it now.
func tokenView(sc scenery, t provisioning.Token) pages.TokenView {
	v := pages.TokenView{Frame: sc.frame, Serial: t.Serial, Model: t.Model, State: string(t.State),
		Since: since(sc, t.Since)}
	v.Frame.Back = pages.PathHome
	if loan, lent := openLoanOf(sc.snap, t.ID); lent {
		v.Holder, v.Due = nameOf(sc.snap, loan.Person), sc.date(loan.Due)
	}
	v.Reported = reportOf(sc, t.Elsewhere)
	doubt, doubtful := doubtOf(sc.snap, t)
	if p, known := pages.Sentence(sc.frame.Lang, doubt, nil); known {
		v.Why = &p
	} else {
		v.Note = doubt
	}
	_, plugged := plugOf(inPlay(sc.plugs), t.ID)
	switch {
	case t.Pending == provisioning.ActWipe && t.State == provisioning.TokenBusy:
		v.Stage = pages.TokenWiping
	case t.State == provisioning.TokenBusy:
		v.Stage = pages.TokenBusy
	case t.State == provisioning.TokenLoaned:
		v.Stage = pages.TokenLent
	case t.State == provisioning.TokenStock && !doubtful:
		v.Stage = pages.TokenStock
	case plugged:
		v.Stage = pages.TokenReady
	default:
		v.Stage = pages.TokenPlug
	}
	return v
}

// doubtOf says why a token is not simply in the drawer: the doubt about the newest thing written to
// it, or else what is noted about the token itself.
func doubtOf(snap provisioning.Snapshot, t provisioning.Token) (why string, doubtful bool) {
	for c := range provisioning.Find[provisioning.Credential](
		snap, provisioning.ByToken, string(t.ID)) {
		if c.State == provisioning.CredentialDoubtful {
			return c.Reason, true
		}
	}
	return t.Note, t.State == provisioning.TokenDoubtful
}
