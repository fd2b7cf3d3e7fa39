//go:build rig && linux

package systemd_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// thrown is what a witness throws where a browser would fail the test: a desk that was killed in
// the middle of an answer is no failure.
type thrown string

type witness struct{ testing.TB }

// Fatalf implements testing.TB.
func (witness) Fatalf(format string, args ...any) { panic(thrown(fmt.Sprintf(format, args...))) }

// issue walks a loan from the card to the verdict, by the words on the screen, and as often anew as
// the desk is killed. It returns only when the screen says that the token works. begun is called
// before the press that means it.
func (w *world) issue(i int, limit time.Duration, begun func()) {
	w.t.Helper()
	walk := walk{w: w, i: i, begun: begun}
	last := "nothing"
	for until := time.Now().Add(limit); time.Now().Before(until); {
		done, err := walk.try()
		if done {
			return
		}
		if err != "" {
			last = string(err)
			w.browser = nil
			time.Sleep(100 * time.Millisecond)
		}
	}
	page := ""
	if w.browser != nil && w.browser.Page != nil {
		page = fmt.Sprintf("%s: %s, %q", w.browser.Page.URL, w.browser.Page.Text, w.browser.Page.Buttons())
	}
	w.t.Fatalf("the loan of token %d does not end; %s\nlast trouble: %s", serial(i), page, last)
}

type walk struct {
	w       *world
	i       int
	begun   func()
	acted   bool
	touched time.Time
}

// try does the next thing on the screen.
func (k *walk) try() (done bool, trouble thrown) {
	trouble = catch(func() {
		if k.w.browser == nil {
			k.w.browser, k.acted = kiosktest.New(witness{k.w.t}, deskScreen()), false
			k.w.browser.Open("/")
		}
		done = k.step(k.w.browser, k.w.browser.Page)
	})
	return done, trouble
}

// catch returns what a witness throws in do.
func catch(do func()) (trouble thrown) {
	defer func() {
		if r := recover(); r != nil {
			var ours bool
			if trouble, ours = r.(thrown); !ours {
				panic(r)
			}
		}
	}()
	do()
	return ""
}

func (k *walk) step(b *kiosktest.Browser, p *kiosktest.Page) (done bool) {
	switch {
	case p.Has("Unlock"):
		b.Press("Unlock", "officer", officerID, "pin", officerPIN)
	case p.URL.Path == "/ready":
		b.Follow("Type the number")
		b.Press("Find", "number", cardOf(k.i))
	case k.acted && p.Says("registered with the sign-in service and works now"):
		return true
	case p.Has("Go on"):
		b.Press("Go on", "pin", officerPIN)
	case p.Has("Write and loan"), p.Has("Erase, write and loan"):
		k.begun()
		label := "Write and loan"
		if !p.Has(label) {
			label = "Erase, write and loan"
		}
		k.acted = true
		b.Press(label)
	case p.Has("Turn the screen"):
		b.Press("Turn the screen")
	case p.Has("I agree"):
		b.Press("I agree")
	case p.Says("Touch the gold disc") && time.Since(k.touched) > 700*time.Millisecond:
		k.touched = time.Now()
		if _, err := k.w.tokens.Touch(k.w.soon(), serial(k.i), slot); err != nil {
			panic(thrown(err.Error()))
		}
	case !k.acted && p.Has("Phone cannot run the app"):
		if p.Says("Same face?") {
			b.Press("Phone cannot run the app", "match", "yes", "evidence", "university_card")
		} else {
			b.Press("Phone cannot run the app")
		}
	default:
		k.wait(b, p)
	}
	return false
}

// wait leaves what another errand left on the screen, or looks again.
func (k *walk) wait(b *kiosktest.Browser, p *kiosktest.Page) {
	leave := []string{"Try again"}
	if !k.acted {
		leave = append(leave, "No slip", "Finish", "Back to choices")
	}
	if i := slices.IndexFunc(leave, p.Has); i >= 0 {
		b.Press(leave[i])
		return
	}
	time.Sleep(150 * time.Millisecond)
	b.Reload()
}

// finish ends the visit after a loan, so that the next can begin. If the desk is killed meanwhile,
// the next loan begins on the screen of the new desk.
func (w *world) finish() {
	trouble := catch(func() {
		for range 20 {
			p := w.browser.Page
			i := slices.IndexFunc([]string{"No slip", "Finish"}, p.Has)
			if i < 0 || p.URL.Path == "/ready" {
				return
			}
			w.browser.Press([]string{"No slip", "Finish"}[i])
		}
	})
	if trouble != "" {
		w.browser = nil
	}
}
