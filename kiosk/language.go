package kiosk

import (
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// speaking makes every answer speak the language of whoever the screen faces.
func (s *Server) speaking(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(pages.WithLang(r.Context(), s.langOf(r))))
	})
}

// langOf is the person's language on the turned screen, the officer's on the unlocked desk, and what
// this browser chose last everywhere else.
func (s *Server) langOf(r *http.Request) string {
	who, id, snap := s.counter.now(), s.screenOf(r), s.visits.Snapshot()
	chosen := oneOf(cookieValue(r, langCookie), pages.Langs()...)
	switch id {
	case who.Facing:
		if lang := s.screens.read(id).lang; lang != "" {
			return lang
		}
		v, _ := provisioning.Get[provisioning.Visit](snap, string(who.Visit))
		person, _ := provisioning.Get[provisioning.Person](snap, string(v.Person))
		if lang := oneOf(person.Lang, pages.Langs()...); lang != "" {
			return lang
		}
	case who.Owner:
		officer, _ := provisioning.Get[provisioning.Officer](snap, string(who.Officer))
		if lang := oneOf(officer.Lang, pages.Langs()...); lang != "" {
			return lang
		}
	}
	return chosen
}

// postLanguage takes one tap on a language.
func (s *Server) postLanguage(w http.ResponseWriter, r *http.Request) error {
	if err := s.speak(w, r); err != nil {
		return err
	}
	return redirect(w, r, local(r.PostForm.Get("back")))
}

// speak keeps the language of a form: the person's for as long as the screen is theirs, the
// officer's in their own record, so that every desk unlocked by them speaks it.
func (s *Server) speak(w http.ResponseWriter, r *http.Request) error {
	lang := oneOf(r.PostForm.Get("lang"), pages.Langs()...)
	if lang == "" {
		return nil
	}
	who, id := s.counter.now(), s.screenOf(r)
	if id == who.Facing {
		s.screens.edit(id, func(sc *screen) { sc.lang = lang })
		return nil
	}
	keep(w, langCookie, lang)
	if id != who.Owner || lang == s.langOf(r) {
		return nil
	}
	op := provisioning.OpID(newID())
	_, err := s.order(r.Context(), who.Officer, op, "", provisioning.Speak{Lang: lang})
	return err
}
