package kiosk

import (
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
)

// printDigits puts on paper what the person is looking at, in the language of their screen. The
// digits go from their type to the printer, and nothing of the passcode changes.
func (s *Server) printDigits(w http.ResponseWriter, r *http.Request, who hands) error {
	sc := s.scenery(r, personPath)
	v, open := current(sc.snap, who)
	if !open || s.printer == nil || !revealed(sc, factsOf(sc.snap, v)) {
		return errBadForm
	}
	f := factsOf(sc.snap, v)
	if view := revealView(sc, f); view.Stage != pages.RevealShown {
		return redirect(w, r, personPath)
	}
	codes, _, err := s.codes.Shown(v.ID)
	if err != nil {
		return err
	}
	defer func() {
		for _, code := range codes {
			code.Wipe()
		}
	}()
	p := passcodeOf(sc, f)
	slip := s.passcodeSlip(passcodePaper{Lang: sc.frame.Lang, Codes: codes,
		Until: sc.moment(p.Until), Uses: p.Uses, Reference: reference(v)})
	if err := s.printSlip(r.Context(), slip); err != nil {
		return err
	}
	return redirect(w, r, personPath)
}
