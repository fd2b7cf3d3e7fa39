package kiosk

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// visitPage is the page of a visit's step. Key changes when the page, and not only its live region,
// is another one; live is nil where nothing changes by itself.
type visitPage struct {
	key        string
	page, live templ.Component
}

// pageOf picks the page that shows where a visit really is.
func pageOf(sc scenery, f facts) visitPage {
	key := string(f.visit.State) + "." + string(f.visit.Step)
	if f.visit.State == provisioning.VisitParked {
		return visitPage{key: key, page: pages.Parked(parkedPage(sc, f))}
	}
	if page, ok := passcodePage(sc, f); ok {
		return page
	}
	switch f.visit.Step {
	case provisioning.StepMismatch:
		return visitPage{key: key, page: pages.Mismatch(mismatchView(sc, f))}
	case provisioning.StepPlug, provisioning.StepCheck:
		return loanPage(key, sc, f)
	case provisioning.StepReturn:
		return returnPage(key, sc, f)
	case provisioning.StepWrite, provisioning.StepVerify:
		return writePage(sc, f)
	case provisioning.StepDone:
		v := doneView(sc, f)
		v.Frame.Live = liveOf(sc, key)
		return visitPage{key: key, page: pages.Done(v), live: pages.DoneLive(v)}
	case provisioning.StepProblem:
		return visitPage{key: key, page: pages.Trouble(troubleView(sc, f))}
	case provisioning.StepLost:
		return lostPage(key, sc, f)
	default:
		return visitPage{key: key, page: pages.Identify(identifyView(sc, f))}
	}
}

// writePage follows the journal. Waiting for the touch is a page of its own: it counts down.
func writePage(sc scenery, f facts) visitPage {
	v, key := writeView(sc, f), "write"
	if v.Frame.Idle.Seconds > 0 {
		key += ".touch"
	}
	v.Frame.Live = liveOf(sc, key)
	return visitPage{key: key, page: pages.Write(v), live: pages.WriteLive(v)}
}

// loanPage asks the officer's questions first, whether the token is plugged in already or not.
func loanPage(key string, sc scenery, f facts) visitPage {
	switch {
	case f.visit.Reason == "":
		return visitPage{key: "ask", page: pages.Ask(askView(sc, f))}
	case f.visit.Step == provisioning.StepPlug:
		return waitingForToken(key, sc, f)
	default:
		return visitPage{key: key, page: pages.Check(checkView(sc, f))}
	}
}

// lostPage reports a loss, or lifts the suspension an earlier one left once the token is here.
func lostPage(key string, sc scenery, f facts) visitPage {
	switch {
	case f.visit.Errand != provisioning.ErrandReinstate:
		return visitPage{key: key, page: pages.Lost(lostView(sc, f))}
	case f.visit.Token == "" || f.visit.Token != f.loan.Token:
		return waitingForToken(key, sc, f)
	default:
		return visitPage{key: key + ".here", page: pages.Reinstate(reinstateView(sc, f))}
	}
}

func waitingForToken(key string, sc scenery, f facts) visitPage {
	v := plugView(sc, f)
	v.Frame.Live = liveOf(sc, key)
	return visitPage{key: key, page: pages.Plug(v), live: pages.PlugLive(v)}
}

// returnPage waits for the token on loan, offers to wipe it, and shows the wipe.
func returnPage(key string, sc scenery, f facts) visitPage {
	wiping := f.visit.Progress == provisioning.ProgressWiping
	switch {
	case wiping:
		key += ".wiping"
	case returnReady(sc, f):
		key += ".ready"
	default:
		return waitingForToken(key, sc, f)
	}
	v := returnView(sc, f, false)
	if !wiping {
		return visitPage{key: key, page: pages.Return(v)}
	}
	v.Frame.Live = liveOf(sc, key)
	return visitPage{key: key, page: pages.Return(v), live: pages.ReturnLive(v)}
}

// liveOf is the address of a page's stream; it carries what the page was made for.
func liveOf(sc scenery, key string) string {
	return sc.frame.Here + "/live?at=" + url.QueryEscape(key+"."+noteKey(sc))
}

// visitOf finds the visit of a request among those of this officer. An ended one is gone: its
// address leads home, whatever was once there.
func (s *Server) visitOf(r *http.Request, who hands) (provisioning.Visit, bool) {
	v, ok := provisioning.Get[provisioning.Visit](s.visits.Snapshot(), r.PathValue("id"))
	return v, ok && v.Officer == who.Officer && v.State != provisioning.VisitEnded
}

func (s *Server) getVisit(w http.ResponseWriter, r *http.Request, who hands) error {
	v, ok := s.visitOf(r, who)
	switch {
	case !ok:
		return redirect(w, r, pages.PathHome)
	case v.State == provisioning.VisitHeld:
		return redirect(w, r, pages.PathHeld)
	}
	sc := s.scenery(r, visitPath(v.ID))
	f := factsOf(sc.snap, v)
	if note := sc.hands.Note; note != nil && sc.frame.Alert == nil {
		alert := sc.problem(note.Code, note.Params)
		sc.frame.Alert = &alert
	}
	p := pageOf(sc, f)
	if p.live == nil {
		sc.frame.Watch = liveOf(sc, p.key)
		p = pageOf(sc, f)
	}
	return s.show(w, r, p.page)
}

func (s *Server) liveVisit(w http.ResponseWriter, r *http.Request, who hands) error {
	id, key := r.PathValue("id"), r.URL.Query().Get("at")
	return s.live(w, r, func() (scene, error) {
		sc := s.scenery(r, visitPath(provisioning.VisitID(id)))
		v, ok := provisioning.Get[provisioning.Visit](sc.snap, id)
		if !ok || sc.hands.Owner != who.Owner || v.Officer != sc.hands.Officer ||
			v.State == provisioning.VisitHeld {
			return scene{location: pages.PathHome}, nil
		}
		now := pageOf(sc, factsOf(sc.snap, v))
		if now.key+"."+noteKey(sc) != key {
			return scene{location: visitPath(v.ID)}, nil
		}
		return scene{fragment: now.live}, nil
	})
}

// postVisit carries out what a button of a visit's page asks for.
func (s *Server) postVisit(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	a := act{s: s, r: r, who: who, op: op, id: provisioning.VisitID(r.PathValue("id"))}
	a.visit, _ = s.visitOf(r, who)
	to, err := a.carryOut(w, r.PostForm.Get("do"))
	if err != nil {
		return s.overOr(w, r, err)
	}
	s.settled(r)
	return redirect(w, r, to)
}

// overOr leads to a calm page when the visit of a form is over: nothing of it is done again.
func (s *Server) overOr(w http.ResponseWriter, r *http.Request, err error) error {
	for _, code := range []provisioning.Code{
		provisioning.CodeVisitOver, provisioning.CodeVisitUnknown,
	} {
		if errors.Is(err, provisioning.Refuse(code)) {
			return redirect(w, r, endedPath)
		}
	}
	return err
}

// getPortrait serves the picture of the person at the counter, to their officer only.
func (s *Server) getPortrait(w http.ResponseWriter, r *http.Request, who hands) error {
	v, ok := s.visitOf(r, who)
	if !ok || v.Turned {
		return errNotFound
	}
	f := factsOf(s.visits.Snapshot(), v)
	if f.person.Portrait == "" {
		return errNotFound
	}
	data, mediaType, err := s.people.Portrait(r.Context(), f.person.Portrait)
	if err != nil || !isPicture(mediaType) {
		s.log.InfoContext(r.Context(), "portrait", "visit", v.ID, "err", err)
		return errNotFound
	}
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(data) // the browser may have gone.
	return nil
}

func isPicture(mediaType string) bool {
	return oneOf(mediaType, "image/jpeg", "image/png", "image/webp", "image/svg+xml") != ""
}
