package kiosk

import (
	"errors"
	"net/http"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// selfShown is how long the digits stand on the unattended view.
const selfShown = provisioning.ShowFor

// getPasscode shows where the passcode of this session is: on its way, hidden, or, for a while after
// the person asked, its digits. This is the one answer that has them.
func (s *Self) getPasscode(w http.ResponseWriter, r *http.Request, f recovery) error {
	if f.passcode == "" {
		return redirect(w, r, pages.PathHome)
	}
	codes, err := s.recoveries.Shown(f.passcode)
	defer wipeCodes(codes)
	waiting := errors.Is(err, provisioning.Refuse(provisioning.CodePasscodeWaiting))
	if err != nil && !waiting {
		s.underWay.end(s.screenOf(r))
		s.say(r, pages.PathHome, provisioning.Refuse(provisioning.CodePasscodeGone))
		return redirect(w, r, pages.PathHome)
	}
	v := s.revealView(r, f, waiting)
	if v.Stage != pages.RevealShown {
		return s.show(w, r, pages.Reveal(v))
	}
	v.Codes = digitsOf(codes)
	refresh(w, v.Left, pages.PathSelfPasscode)
	return s.showOnce(w, r, pages.Reveal(v))
}

// revealView is the page without the digits.
func (s *Self) revealView(r *http.Request, f recovery, waiting bool) pages.RevealView {
	sc := s.scenery(r, pages.PathSelfPasscode)
	p, _ := provisioning.Get[provisioning.Passcode](sc.snap, string(f.passcode))
	terms, _ := s.site.PasscodesOf(provisioning.PasscodeRecovery)
	v := pages.RevealView{Frame: s.frameOf(r, pages.PathSelfPasscode, f), Site: s.site.Name,
		Terms: pageTerms(terms),
		Until: sc.moment(p.Until), Reference: selfReference(f.passcode),
		All: int(selfShown / time.Second), Away: pages.PathSelfOfficer,
		Print: sc.frame.Printer, Printed: sc.screen.printed,
		Stage: pages.RevealReady, Seen: !f.shown.IsZero()}
	left := f.shown.Sub(s.now())
	switch {
	case waiting:
		v.Stage = pages.RevealWait
		v.Frame.Live = pages.PathSelfPasscode + "/live"
	case left > 0:
		v.Stage, v.Left = pages.RevealShown, int(left/time.Second)+1
	}
	return v
}

// selfReference is what a person may tell an officer about a passcode nobody issued to their face.
func selfReference(id provisioning.PasscodeID) string {
	return "R-" + string(id[:min(6, len(id))])
}

// livePasscode says when the sign-in service has the passcode. It knows no digit.
func (s *Self) livePasscode(w http.ResponseWriter, r *http.Request, _ recovery) error {
	id := s.screenOf(r)
	return s.live(w, r, func() (scene, error) {
		f, ok := s.underWay.read(id)
		if !ok {
			return scene{location: pages.PathHome}, nil
		}
		codes, err := s.recoveries.Shown(f.passcode)
		wipeCodes(codes)
		if !errors.Is(err, provisioning.Refuse(provisioning.CodePasscodeWaiting)) {
			return scene{location: pages.PathSelfPasscode}, nil
		}
		return scene{fragment: pages.RevealLive(s.revealView(r, f, true))}, nil
	})
}

// printAlone puts on paper what the person is looking at. Paper that fails changes nothing.
func (s *Self) printAlone(w http.ResponseWriter, r *http.Request, f recovery) error {
	codes, err := s.recoveries.Shown(f.passcode)
	defer wipeCodes(codes)
	if err != nil {
		return err
	}
	if !s.now().Before(f.shown) {
		return provisioning.Refuse(provisioning.CodePasscodeHidden)
	}
	v := s.revealView(r, f, false)
	err = s.printSlip(r.Context(), s.passcodeSlip(passcodePaper{Lang: v.Frame.Lang, Codes: codes,
		Until: v.Until, Uses: v.Terms.Uses, Reference: v.Reference}))
	if err != nil {
		return err
	}
	s.screens.edit(s.screenOf(r), func(sc *screen) { sc.printed = true })
	return redirect(w, r, pages.PathSelfPasscode)
}

// postPasscode shows, hides, or ends.
func (s *Self) postPasscode(w http.ResponseWriter, r *http.Request, f recovery) error {
	id := s.screenOf(r)
	switch r.PostForm.Get("do") {
	case pages.DoShow:
		if err := s.recoveries.Reveal(r.Context(), f.passcode); err != nil {
			return err
		}
		until := s.now().Add(selfShown)
		s.underWay.edit(id, func(f *recovery) { f.shown = until })
	case pages.DoSlip:
		return s.printAlone(w, r, f)
	case pages.DoHide:
		s.underWay.edit(id, func(f *recovery) { f.shown = s.now() })
	case pages.DoNoted:
		s.underWay.end(id)
		s.screens.forget(id)
		return redirect(w, r, pages.PathHome)
	default:
		return errBadForm
	}
	return redirect(w, r, pages.PathSelfPasscode)
}
