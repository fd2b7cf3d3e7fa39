package kiosk

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The person's passcode on the turned screen. Its digits are in one kind of answer only: the page
// that the person's own session asks for within half a minute of having asked to see them. No
// stream is ever made from a view that has any.

// revealPage picks what the turned screen shows of a passcode: everything but its digits.
func revealPage(sc scenery, f facts) (visitPage, pages.RevealView) {
	v := revealView(sc, f)
	key := "reveal." + string(v.Stage)
	if v.Stage == pages.RevealWait {
		v.Frame.Live = liveOf(sc, key)
		return visitPage{key: key, page: pages.Reveal(v), live: pages.RevealLive(v)}, v
	}
	v.Frame.Watch = liveOf(sc, key)
	return visitPage{key: key, page: pages.Reveal(v)}, v
}

func revealView(sc scenery, f facts) pages.RevealView {
	p := passcodeOf(sc, f)
	v := pages.RevealView{
		Frame: sc.frame, Stage: pages.RevealReady, Site: sc.site.Name, Name: f.person.Name,
		Terms: termsAt(p), Until: sc.moment(p.Until), Reference: reference(f.visit),
		Print: sc.frame.Printer, Printed: sc.screen.printed,
		Seen: !p.Revealed.IsZero(), Gone: !sc.now.Before(p.Keep), Away: personPath + "?back=1",
	}
	switch {
	case p.State == provisioning.PasscodeIssued:
		v.Stage = pages.RevealWait
	case sc.now.Before(f.visit.ShownUntil) && sc.now.Before(sc.screen.shown):
		v.Stage = pages.RevealShown
		left := min(f.visit.ShownUntil.Sub(sc.now), sc.screen.shown.Sub(sc.now))
		v.Left = int((left + time.Second - 1) / time.Second)
		v.All = int(provisioning.ShowFor / time.Second)
	}
	return v
}

// revealed says whether the turned screen is at a passcode that can be looked at.
func revealed(sc scenery, f facts) bool {
	return f.visit.Step == provisioning.StepReveal && passcodeOf(sc, f).ID != ""
}

// getReveal shows the person their passcode, or the way back to the officer.
func (s *Server) getReveal(
	w http.ResponseWriter, r *http.Request, sc scenery, f facts, back bool,
) error {
	if back || !revealed(sc, f) {
		v := agreeView(sc, f, true)
		v.Passcode = pages.PasscodeBack
		if !revealed(sc, f) {
			v.Passcode, v.BackTo = pages.PasscodeFailed, ""
			v.Frame.Watch = liveOf(sc, "reveal.failed")
		}
		return s.show(w, r, pages.Agree(v))
	}
	page, v := revealPage(sc, f)
	if v.Stage != pages.RevealShown {
		return s.show(w, r, page.page)
	}
	return s.showDigits(w, r, v)
}

// showDigits is the one answer at the counter that has a passcode in it. It reloads itself, hidden, when its time
// is over: with scripts or without.
func (s *Server) showDigits(w http.ResponseWriter, r *http.Request, v pages.RevealView) error {
	codes, _, err := s.codes.Shown(s.counter.now().Visit)
	var refusal *provisioning.Refusal
	if errors.As(err, &refusal) {
		s.hideHere(r)
		s.say(r, personPath, refusal)
		return redirect(w, r, personPath)
	}
	if err != nil {
		return err
	}
	defer wipeCodes(codes)
	v.Codes = digitsOf(codes)
	refresh(w, v.Left, personPath)
	return s.showOnce(w, r, pages.Reveal(v))
}

// digitsOf are codes as a page shows them.
func digitsOf(codes []secret.Passcode) []string {
	var list []string
	for _, code := range codes {
		digits := code.Expose()
		list = append(list, string(digits))
		clear(digits)
	}
	return list
}

// showOnce renders a page into memory of its own, and wipes that.
func (s *Server) showOnce(w http.ResponseWriter, r *http.Request, c templ.Component) error {
	var page wiped
	defer func() { clear(page[:cap(page)]) }()
	if err := c.Render(r.Context(), &page); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page) // the browser may have gone.
	return nil
}

// wiped is memory that is cleared whenever it is outgrown.
type wiped []byte

// Write implements io.Writer.
func (b *wiped) Write(p []byte) (int, error) {
	if len(*b)+len(p) > cap(*b) {
		grown := make(wiped, len(*b), 2*cap(*b)+len(p)+16<<10)
		copy(grown, *b)
		clear(*b)
		*b = grown
	}
	*b = append(*b, p...)
	return len(p), nil
}

// refresh makes the browser ask again after so many seconds, without any script.
func refresh(w http.ResponseWriter, seconds int, path string) {
	w.Header().Set("Refresh", strconv.Itoa(seconds)+"; url="+path)
}

// livePerson tells the turned screen where to go, and what the sign-in service said. It knows no
// digit.
func (s *Server) livePerson(w http.ResponseWriter, r *http.Request, who hands) error {
	key := r.URL.Query().Get("at")
	return s.live(w, r, func() (scene, error) {
		sc := s.scenery(r, personPath)
		v, open := current(sc.snap, sc.hands)
		if !open || sc.hands.Facing != who.Facing {
			return scene{location: pages.PathHome}, nil
		}
		f := factsOf(sc.snap, v)
		now := visitPage{key: "reveal.failed"}
		if revealed(sc, f) {
			now, _ = revealPage(sc, f)
		}
		if now.key+"."+noteKey(sc) != key {
			return scene{location: personPath}, nil
		}
		return scene{fragment: now.live}, nil
	})
}

// postReveal does what the person asks for: show it, hide it, print it, or be done.
func (s *Server) postReveal(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID,
) error {
	var command provisioning.Command = provisioning.Hide{}
	switch r.PostForm.Get("do") {
	case pages.DoShow:
		command = provisioning.Reveal{}
	case pages.DoSlip:
		return s.postSlip(w, r, who)
	case pages.DoNoted:
		return s.noted(w, r, who, op)
	}
	if _, err := s.order(r.Context(), who.Officer, op, who.Visit, command); err != nil {
		return err
	}
	s.settled(r)
	s.hideHere(r)
	if r.PostForm.Get("do") == pages.DoShow {
		s.screens.edit(s.screenOf(r), func(sc *screen) {
			sc.shown = s.now().Add(provisioning.ShowFor)
		})
	}
	return redirect(w, r, personPath)
}

// postSlip prints what the person looks at. Whatever becomes of the paper, the passcode stands.
func (s *Server) postSlip(w http.ResponseWriter, r *http.Request, who hands) error {
	sc := s.scenery(r, personPath)
	v, open := current(sc.snap, who)
	f := factsOf(sc.snap, v)
	if !open || !revealed(sc, f) || revealView(sc, f).Stage != pages.RevealShown {
		return provisioning.Refuse(provisioning.CodePasscodeHidden)
	}
	codes, _, err := s.codes.Shown(v.ID)
	if err != nil {
		return err
	}
	defer wipeCodes(codes)
	p := passcodeOf(sc, f)
	err = s.printSlip(r.Context(), s.passcodeSlip(passcodePaper{Lang: sc.frame.Lang, Codes: codes,
		Until: sc.moment(p.Until), Uses: p.Uses, Reference: reference(v)}))
	if err != nil {
		return err
	}
	s.settled(r)
	s.screens.edit(s.screenOf(r), func(sc *screen) { sc.printed = true })
	return redirect(w, r, personPath)
}

func wipeCodes(codes []secret.Passcode) {
	for _, code := range codes {
		code.Wipe()
	}
}

// hideHere makes this screen show no digits until it is asked to again.
func (s *Server) hideHere(r *http.Request) {
	s.screens.edit(s.screenOf(r), func(sc *screen) { sc.shown = time.Time{} })
}

// noted ends the visit: the person has what they came for. The screen locks at once, and says
// goodbye for a moment to nobody in particular.
func (s *Server) noted(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID,
) error {
	sc := s.scenery(r, personPath)
	v, _ := current(sc.snap, who)
	farewell := bye{lang: pages.LangOf(r.Context()), until: s.now().Add(byeFor),
		second: provisioning.AdviseSecond(sc.snap, s.site, factsOf(sc.snap, v).person)}
	_, err := s.order(r.Context(), who.Officer, op, who.Visit, provisioning.Noted{})
	if err != nil {
		return err
	}
	s.counter.lock(who)
	s.screens.forget(s.screenOf(r))
	id, err := s.handOver(r)
	if err != nil {
		return err
	}
	s.screens.edit(id, func(sc *screen) { sc.bye = farewell })
	return redirect(w, r, pages.PathBye)
}

// byeFor is how long a screen says goodbye.
const byeFor = 6 * time.Second

// bye is a goodbye in the language of whoever has just left.
type bye struct {
	lang   string
	second bool
	until  time.Time
}

// getBye says goodbye, and then shows the locked desk.
func (s *Server) getBye(w http.ResponseWriter, r *http.Request) error {
	farewell := s.screens.read(s.screenOf(r)).bye
	left := farewell.until.Sub(s.now())
	if left <= 0 {
		return redirect(w, r, pages.PathHome)
	}
	r = r.WithContext(pages.WithLang(r.Context(), farewell.lang))
	refresh(w, int((left+time.Second-1)/time.Second), pages.PathHome)
	v := pages.ByeView{Frame: look(r), Site: s.site.Name, Second: farewell.second}
	return s.show(w, r, pages.Bye(v))
}
