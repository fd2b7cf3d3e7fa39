//go:build crash

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// crashWitness lets a browser find out that its desk was killed: what would fail the test is thrown
// instead, and survives catches it.
type crashWitness struct{ testing.TB }

// crashThrown is what a crashWitness throws.
type crashThrown string

// Fatalf implements testing.TB.
func (w crashWitness) Fatalf(format string, args ...any) {
	panic(crashThrown(fmt.Sprintf(format, args...)))
}

// survives does something at the desk and reports whether the desk outlived it. Everything that
// goes wrong at a desk that was not killed fails the test.
func (l *crashLane) survives(do func()) (alive bool) {
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		what, ours := thrown.(crashThrown)
		if !ours {
			panic(thrown)
		}
		if !l.desk.meant.Load() {
			l.t.Fatalf("%s\n%s", what, l.log)
		}
		alive = false
	}()
	do()
	return true
}

// walk is an errand at the counter, walked by the words on the screen.
type crashWalk struct {
	l     *crashLane
	phase crashPhase
	// card: a document is shown when a loss is reported.
	card bool
	// acted: the press that means it was made.
	acted bool
	// touched is when the token was touched last.
	touched time.Time
	// told is the furthest the screen said this errand is.
	told crashStage
}

// walk goes an errand to its end, or until the desk is killed. It returns the walk and whether it
// came to its end.
func (l *crashLane) walk(phase crashPhase, card bool) (w *crashWalk, ended bool) {
	w = &crashWalk{l: l, phase: phase, card: card}
	ended = l.survives(func() {
		l.begin(legAsk)
		l.browser.Open("/")
		until := time.Now().Add(20 * time.Second)
		for !w.step(l.browser.Page) {
			if time.Now().After(until) {
				l.t.Fatalf("%s: the errand does not end; the page is %s: %s, %q\n%s", phase,
					l.browser.Page.URL, l.browser.Page.Text, l.browser.Page.Buttons(), l.log)
			}
		}
		l.begin(legAfter)
		if l.aim != nil && l.aim.leg == legAfter {
			l.desk.kill()
		}
	})
	return w, ended
}

// step does the next thing on a page and reports the end of the errand.
func (w *crashWalk) step(p *kiosktest.Page) (done bool) {
	b := w.l.browser
	switch {
	case p.Has("Unlock"):
		b.Press("Unlock", "officer", crashOfficer, "pin", crashPIN)
	case p.URL.Path == "/ready":
		w.l.told(p)
		b.Follow("Type the number")
		b.Press("Find", "number", w.l.person.Card)
	case w.said(p):
		return true
	case w.errand(p):
	case p.Has("Try again"):
		b.Press("Try again")
	case !w.acted && p.Has("No slip"):
		b.Press("No slip")
	case !w.acted && p.Has("Finish"):
		b.Press("Finish")
	case !w.acted && p.Has("Back to choices"):
		b.Press("Back to choices")
	default:
		time.Sleep(4 * time.Millisecond)
		b.Reload()
	}
	return false
}

// told holds the officer's first screen against what is known to be in doubt.
func (l *crashLane) told(ready *kiosktest.Page) {
	if said := ready.Says("token in doubt"); said != l.last.listed {
		l.t.Errorf("the token is in doubt: %v; the officer is told so: %v\n%s", l.last.listed, said,
			ready.Text)
	}
}

// said takes down what the screen says of this errand, and reports its end.
func (w *crashWalk) said(p *kiosktest.Page) (done bool) {
	switch {
	case !w.acted:
		return false
	case p.Says("Touch the gold disc"):
		w.told = stageWritten
	case p.Says("Its code is right"):
		w.told = stageProven
	case p.Says("registered with the sign-in service and works now"):
		w.told = stageDone
		return true
	case p.Says("Token returned"):
		w.told = stageReturned
		return true
	case p.Says("Reported lost"), p.Says("Token blocked"):
		w.told = stageLost
		return p.Says("does not accept it any more")
	case p.Says("Token suspended"), p.Says("Suspended, not revoked"):
		w.told = stageSuspended
		return p.Says("The sign-in service does not accept it.")
	}
	return false
}

// errand presses what belongs to the errand alone, and reports whether there was anything.
func (w *crashWalk) errand(p *kiosktest.Page) bool {
	switch w.phase {
	case phaseIssue:
		return w.issue(p)
	case phaseReturn:
		return w.act(p, "Wipe and return", legWipe) || w.choose(p, "Return token", true)
	default:
		return w.act(p, "Report lost", legReport) || w.act(p, "Suspend it", legReport) ||
			w.choose(p, "Lost token", w.card)
	}
}

func (w *crashWalk) issue(p *kiosktest.Page) bool {
	b := w.l.browser
	switch {
	case p.Has("Go on"):
		b.Press("Go on", "pin", crashPIN)
	case w.act(p, "Write and loan", legWrite) || w.act(p, "Erase, write and loan", legWrite):
	case p.Has("Turn the screen"):
		b.Press("Turn the screen")
	case p.Has("I agree"):
		b.Press("I agree")
	case p.Says("Touch the gold disc") && time.Since(w.touched) > crashPatience:
		w.touch()
	default:
		return w.choose(p, "Phone cannot run the app", true)
	}
	return true
}

// act makes the press that means it.
func (w *crashWalk) act(p *kiosktest.Page, label string, leg crashLeg) bool {
	if !p.Has(label) {
		return false
	}
	post := w.l.browser.Form(label)
	w.acted = true
	w.l.begin(leg)
	w.l.browser.Send(post)
	return true
}

// choose takes the tile of the errand, with or without a document shown.
func (w *crashWalk) choose(p *kiosktest.Page, tile string, document bool) bool {
	switch {
	case w.acted || !p.Has(tile):
		return false
	case document && p.Says("Same face?"):
		w.l.browser.Press(tile, "match", "yes", "evidence", "university_card")
	default:
		w.l.browser.Press(tile)
	}
	return true
}

// crashPatience is how long somebody waits before touching the token again: a touch in the very
// moment the screen asks for it may be taken for an older one, which does not count.
const crashPatience = 700 * time.Millisecond

// touch is the person's finger on the token, unless the desk is to be killed before that.
func (w *crashWalk) touch() {
	if w.touched.IsZero() {
		w.l.begin(legHold)
	}
	if w.l.aim != nil && w.l.aim.leg == legHold {
		w.l.desk.kill()
		panic(crashThrown("killed"))
	}
	w.l.begin(legTouch)
	w.touched = time.Now()
	if _, err := w.l.tokens.Touch(w.l.soon(), w.l.serial, crashSlot); err != nil {
		panic(crashThrown(err.Error()))
	}
}
