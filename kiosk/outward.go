package kiosk

import (
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// The display that faces the person. It has sessions of its own, in a store of their own and with a
// cookie that travels to its own addresses only, and these hold nothing but how it looks: whoever
// has one can do nothing at all. It posts nothing, and its pages are made from what follows below,
// without a screen, an order or a passcode's digits in reach.

// chosenFor is how long a choice holds on a display where nobody is served.
const chosenFor = 3 * time.Minute

func newOutside(now func() time.Time) *scs.SessionManager {
	sessions := newSessions(now, nil)
	sessions.Cookie.Name, sessions.Cookie.Path = "outward", pages.PathOutward
	return sessions
}

// outward is the whole tree of the display. Whatever else is asked for there is its one page.
func (s *Server) outward() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { mux.Handle(pattern, s.calm(h)) }
	open("GET "+pages.PathOutward, s.getOutward)
	open("GET "+pages.PathOutwardLive, s.liveOutward)
	open("GET "+pages.PathOutwardLook, s.getOutwardLook)
	open("GET "+pages.PathOutward+"/", func(w http.ResponseWriter, r *http.Request) error {
		return redirect(w, r, pages.PathOutward)
	})
	return s.outside.LoadAndSave(mux)
}

// calm answers what fails with an empty page that asks again: nobody at this display can do more.
func (s *Server) calm(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.log.ErrorContext(r.Context(), "outward display", "route", r.Pattern, "err", err)
			refresh(w, 5, pages.PathOutward)
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

// chosen is how somebody wants a display to look, in the visit they chose it in.
type chosen struct {
	lang, theme, text string
	visit             provisioning.VisitID
	until             time.Time
}

func (s *Server) chosenOn(r *http.Request) chosen {
	read := func(name string) string { return s.outside.GetString(r.Context(), name) }
	return chosen{lang: read("lang"), theme: read("theme"), text: read("text"),
		visit: provisioning.VisitID(read("visit")),
		until: time.Unix(s.outside.GetInt64(r.Context(), "until"), 0)}
}

// holds says whether a choice is still somebody's: one made in a visit ends with it.
func (c chosen) holds(visit provisioning.VisitID, now time.Time) bool {
	if c.visit != "" {
		return c.visit == visit
	}
	return now.Before(c.until)
}

// at is the choice as it stands now. In a visit the person's own language comes before one that
// was chosen while nobody was served.
func (c chosen) at(visit provisioning.VisitID, person provisioning.Person, now time.Time) chosen {
	if !c.holds(visit, now) {
		c = chosen{}
	}
	if own := oneOf(person.Lang, pages.Langs()...); own != "" && c.visit == "" {
		c.lang = own
	}
	if c.lang == "" {
		c.lang = pages.Langs()[0]
	}
	return c
}

// key changes when the display has to be drawn anew, and not only its region.
func (c chosen) key() string { return c.lang + "." + c.theme + "." + c.text }

// getOutwardLook keeps one choice, on this display and for this visit.
func (s *Server) getOutwardLook(w http.ResponseWriter, r *http.Request) error {
	sc := s.outwardScenery()
	visit, person := sc.served()
	c := s.chosenOn(r).at(visit.ID, person, sc.now)
	q := r.URL.Query()
	if lang := oneOf(q.Get("lang"), pages.Langs()...); lang != "" {
		c.lang = lang
	}
	choose := func(value *string, name, allowed string) {
		if got := oneOf(q.Get(name), allowed, pages.OutwardPlain); got != "" {
			*value = oneOf(got, allowed)
		}
	}
	choose(&c.theme, "theme", "contrast")
	choose(&c.text, "text", "large")
	for name, value := range map[string]string{"lang": c.lang, "theme": c.theme, "text": c.text,
		"visit": string(visit.ID)} {
		s.outside.Put(r.Context(), name, value)
	}
	s.outside.Put(r.Context(), "until", sc.now.Add(chosenFor).Unix())
	return redirect(w, r, pages.PathOutward)
}

func (s *Server) getOutward(w http.ResponseWriter, r *http.Request) error {
	sc := s.outwardScenery()
	visit, person := sc.served()
	c := s.chosenOn(r).at(visit.ID, person, sc.now)
	sc.frame = pages.Frame{Lang: c.lang, Theme: c.theme, Text: c.text, Here: pages.PathOutward,
		Live: pages.PathOutwardLive + "?at=" + url.QueryEscape(c.key())}
	r = r.WithContext(pages.WithLang(r.Context(), c.lang))
	return s.show(w, r, pages.Outward(outwardView(sc)))
}

// liveOutward follows the visit at the counter, whoever serves it.
func (s *Server) liveOutward(w http.ResponseWriter, r *http.Request) error {
	key, choice := r.URL.Query().Get("at"), s.chosenOn(r)
	now := func() (scenery, chosen) {
		sc := s.outwardScenery()
		visit, person := sc.served()
		return sc, choice.at(visit.ID, person, sc.now)
	}
	_, c := now()
	r = r.WithContext(pages.WithLang(r.Context(), c.lang))
	return s.stream(w, r, s.outsideOf(r), func() (scene, error) {
		sc, c := now()
		if c.key() != key {
			return scene{location: pages.PathOutward}, nil
		}
		sc.frame.Lang = c.lang
		return scene{fragment: pages.OutwardLive(outwardView(sc))}, nil
	})
}

// outsideOf is the id of a display, made at its first use.
func (s *Server) outsideOf(r *http.Request) string {
	id := s.outside.GetString(r.Context(), sessionID)
	if id == "" {
		id = newID()
		s.outside.Put(r.Context(), sessionID, id)
	}
	return id
}

// outwardScenery is what the display is made from: the counter and its visit, and of a screen
// nothing.
func (s *Server) outwardScenery() scenery {
	return scenery{snap: s.visits.Snapshot(), site: s.site, now: s.now(), hands: s.counter.now()}
}

// served is the visit at the counter that may be shown to whoever stands there, and its person. A
// locked desk serves nobody, and neither does one whose goodbye has been read.
func (sc scenery) served() (provisioning.Visit, provisioning.Person) {
	v, open := current(sc.snap, sc.hands)
	if !open || v.Step == provisioning.StepDone && sc.now.After(goneBy(v)) {
		return provisioning.Visit{}, provisioning.Person{}
	}
	person, _ := provisioning.Get[provisioning.Person](sc.snap, string(v.Person))
	return v, person
}

// farewell is how long the display says goodbye after the last sign of life.
const farewell = 20 * time.Second

func goneBy(v provisioning.Visit) time.Time {
	return v.Deadline.Add(farewell - provisioning.DoneFor)
}
