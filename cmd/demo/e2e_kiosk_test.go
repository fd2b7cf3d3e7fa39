//go:build e2e

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tokendesk/tokendesk/provisioning"
)

const e2eSerial = "17390102"

// TestE2EKiosk works the screen of one desk as its officers do: a loan by keyboard alone, Back in
// the middle and at the end, hasty touches, a return and a loss by their taps. All the while the
// browser is listened to.
func TestE2EKiosk(t *testing.T) {
	st := startStage(t, settings{site: "um"})
	browser := chromium(t)
	desk := openTab(t, browser, "http://"+st.screen.Addr().String())
	bench := openTab(t, browser, "http://"+st.bench.Addr().String())
	k := &kiosk{tab: desk, st: st, bench: bench, ear: listen(desk)}
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"a loan by keyboard alone", k.loanByKeyboard},
		{"back after the loan", k.backAfterTheLoan},
		{"a hasty touch does nothing", k.hastyTouch},
		{"a return in two taps", k.returnInTwo},
		{"a touch is waited for as long as somebody is there", k.stillThere},
		{"a loss in three taps", k.lostInThree},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			k.t, k.bench.t = t, t
			step.run(t)
		}) {
			break
		}
	}
	k.ear.judge(t, "http://"+st.screen.Addr().String())
}

// kiosk is the desk's screen with the bench beside it.
type kiosk struct {
	tab
	st    *stage
	bench tab
	ear   *ear
	taps  int
}

// arrived waits for words and looks the page over: no style of its own, no field but those that
// ask what nobody said before.
func (k *kiosk) arrived(words ...string) {
	k.t.Helper()
	k.sees(words...)
	var inline, fields int
	k.do("look the page over",
		chromedp.Evaluate(`document.querySelectorAll('[style], style, script:not([src])').length`,
			&inline),
		chromedp.Evaluate(`document.querySelectorAll('main input[type=text], main input:not([type]),`+
			`main textarea').length`, &fields))
	if inline != 0 || fields != 0 {
		k.t.Errorf("%q: %d styles or scripts in the page, %d fields to type into", words, inline, fields)
	}
}

func (k *kiosk) card(account string) {
	k.t.Helper()
	k.bench.click(fmt.Sprintf(`//button[@data-card=%q]`, account))
}

func (k *kiosk) token(act string) {
	k.t.Helper()
	k.bench.key(e2eSerial, act)
}

// tap is one touch of a button, or of an answer.
func (k *kiosk) tap(words string) {
	k.t.Helper()
	k.taps++
	k.click(fmt.Sprintf(`//button[contains(normalize-space(.), %[1]q)]`+
		`|//label[contains(normalize-space(.), %[1]q)]`, words))
}

// focusOf tells what has the focus, in which part of the page, and whether it shows.
const focusOf = `(() => {
  const e = document.activeElement;
  const ring = (x) => x && getComputedStyle(x).outlineStyle !== 'none' &&
    parseFloat(getComputedStyle(x).outlineWidth) >= 2;
  const part = ['header', 'main', 'footer'].findIndex((s) => e.closest(s));
  const text = e.tagName === 'MAIN' ? '' : ((e.labels?.[0] ?? e).innerText ?? '');
  return { text: text.trim() || e.id, part, field: e.name === 'pin',
    seen: [e, e.nextElementSibling, e.parentElement].some(ring) };
})()`

type focused struct {
	Text  string
	Part  int
	Field bool
	Seen  bool
}

// tabTo presses the Tab key until the focus is on these words. What it passes shows the focus, and
// comes in the order bar, work, bottom bar.
func (k *kiosk) tabTo(words string) {
	k.t.Helper()
	last := -1
	for range 80 {
		var at focused
		k.do("tab", chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focusOf, &at))
		if at.Part < 0 {
			last = -1 // out of the page, or at the link that skips the bar
			continue
		}
		if !at.Seen {
			k.t.Errorf("the focus is not seen on %q", at.Text)
		}
		if at.Part < last {
			k.t.Errorf("%q comes after a later part of the page", at.Text)
		}
		last = at.Part
		if strings.Contains(at.Text, words) || words == "PIN" && at.Field {
			return
		}
	}
	k.t.Fatalf("the Tab key does not lead to %q", words)
}

func (k *kiosk) key(words, key string) {
	k.t.Helper()
	k.tabTo(words)
	k.do("press "+words, chromedp.KeyEvent(key))
}

func (k *kiosk) pinByKey() {
	k.t.Helper()
	k.tabTo("PIN")
	k.do("type the PIN", chromedp.KeyEvent(k.st.pin), chromedp.KeyEvent(kb.Enter))
}

func (k *kiosk) loanByKeyboard(t *testing.T) {
	k.sees("Who is at the desk?")
	k.key("LEONG Sok I", kb.ArrowDown) // the next of the officers
	k.pinByKey()
	k.arrived("Place the ID card")
	k.card("dc126543")
	k.arrived("CHAN Lok Ching", "Same face?")
	k.key("Yes, photo matches", " ")
	k.key("Phone cannot run the app", kb.Enter)
	k.arrived("Plug a token")
	k.token("/plug")
	k.arrived("Nothing is written yet", "MOP$235.00")
	k.key("Turn the screen", kb.Enter)
	k.arrived("Borrowing a security token")
	k.key("I agree", kb.Enter)
	k.sees("Please turn the screen back")
	k.pinByKey()
	k.arrived("Touch the gold disc")
	k.token("/touch")
	k.arrived("registered with the sign-in service")
}

// loans counts what was ever lent and is not given back.
func (k *kiosk) loans() (n int) {
	for l := range provisioning.All[provisioning.Loan](k.st.desk.Snapshot()) {
		if l.Open() {
			n++
		}
	}
	return n
}

func (k *kiosk) backAfterTheLoan(t *testing.T) {
	before := k.ear.posted()
	if k.back(1, "registered with the sign-in service") == 0 {
		t.Fatal("there is nothing to go back to")
	}
	if k.ear.posted() != before || k.loans() != 1 {
		t.Errorf("going back sent %d forms; there are %d loans", k.ear.posted()-before, k.loans())
	}
	k.token("/plug")
	k.key("No slip", kb.Enter)
	k.arrived("Place the ID card")
	if k.back(3, "Place the ID card") == 0 || k.loans() != 1 {
		t.Errorf("nothing to go back to, or not one loan but %d", k.loans())
	}
}

// back presses the browser's Back, at most so often and as far as the desk's pages go, and sees the
// same words each time.
func (k *kiosk) back(most int, words string) (pressed int) {
	k.t.Helper()
	for ; pressed < most; pressed++ {
		var at int64
		k.do("read the history", chromedp.ActionFunc(func(ctx context.Context) (err error) {
			at, _, err = page.GetNavigationHistory().Do(ctx)
			return err
		}))
		if at <= 1 { // the first is the empty page the tab began with
			return pressed
		}
		k.do("go back", chromedp.NavigateBack())
		k.arrived(words)
	}
	return pressed
}

// hastyTouch strikes where a tile of the next page will be, within 400 ms of its coming.
func (k *kiosk) hastyTouch(t *testing.T) {
	k.card("mb245010")
	k.arrived("WONG Ka Hou")
	k.tap("Yes, photo matches")
	const tile = `//button[contains(normalize-space(.), "No phone")]`
	var at struct{ X, Y, Age float64 }
	place := fmt.Sprintf(`(() => {
		const r = document.evaluate(%q, document, null, 9, null).singleNodeValue.getBoundingClientRect();
		return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
	})()`, tile)
	k.do("find the tile", chromedp.Evaluate(place, &at))
	before := k.ear.posted()
	k.do("strike at once", chromedp.Reload(), chromedp.MouseClickXY(at.X, at.Y),
		chromedp.Evaluate(`({ age: document.querySelector('.tile.arm').getAnimations()
			.find((a) => a.animationName === 'arm')?.currentTime ?? 1e9 })`, &at),
		chromedp.Sleep(300*time.Millisecond))
	switch {
	case at.Age > 400:
		t.Logf("the machine was too slow to strike in time: %.0f ms", at.Age)
	case k.ear.posted() != before:
		t.Errorf("a touch %.0f ms after the page came was taken", at.Age)
	}
	k.sees("WONG Ka Hou")
	k.tap("End this visit")
	k.arrived("Place the ID card")
}

func (k *kiosk) returnInTwo(t *testing.T) {
	k.token("/plug")
	k.arrived("This token is on loan")
	k.taps = 0
	k.tap("Return this token")
	k.arrived("Take this token back")
	k.tap("Wipe and return")
	k.arrived("Token returned", "Wiped and back in the drawer")
	if k.taps != 2 || k.loans() != 0 {
		t.Errorf("%d taps, %d loans", k.taps, k.loans())
	}
	k.tap("Finish")
	k.arrived("Place the ID card")
}

// stillThere lends it again, without any haste: the page asks in time, one key says yes, and the
// desk waits on.
func (k *kiosk) stillThere(t *testing.T) {
	k.card("dc126543")
	k.arrived("CHAN Lok Ching")
	k.taps = 0
	k.tap("Yes, photo matches")
	k.tap("No phone")
	k.arrived("Nothing is written yet") // the token is still in the port
	k.tap("Turn the screen")
	k.tap("I agree")
	k.sees("Please turn the screen back")
	k.typePIN(k.st.pin)
	k.tap("Write and loan")
	k.arrived("Touch the gold disc")
	began := time.Now()
	k.waitFor(40*time.Second, `document.querySelector('dialog').open`)
	first := k.touchBy(t)
	if left := time.Until(first); left < 20*time.Second {
		t.Errorf("the page asks %v before the end, after %v", left, time.Since(began))
	}
	k.do("answer", chromedp.KeyEvent(kb.Enter))
	k.waitFor(patience, `!document.querySelector('dialog').open`)
	for end := time.Now().Add(patience); !k.touchBy(t).After(first); {
		if time.Now().After(end) {
			t.Fatal("the desk does not wait any longer")
		}
		k.do("wait", chromedp.Sleep(50*time.Millisecond))
	}
	k.token("/touch")
	k.arrived("registered with the sign-in service")
	k.token("/plug")
	k.tap("No slip")
	if k.taps != 6 {
		t.Errorf("a loan takes %d taps, the keys of the PIN aside", k.taps)
	}
	k.arrived("Place the ID card")
}

func (k *kiosk) touchBy(t *testing.T) time.Time {
	t.Helper()
	for v := range provisioning.Find[provisioning.Visit](k.st.desk.Snapshot(),
		provisioning.ByState, string(provisioning.VisitOpen)) {
		return v.TouchBy
	}
	t.Fatal("no visit is open")
	return time.Time{}
}

// waitFor waits longer than a page usually takes.
func (k *kiosk) waitFor(long time.Duration, script string) {
	k.t.Helper()
	for end := time.Now().Add(long); ; {
		var holds bool
		k.do("ask the page", chromedp.Evaluate(script, &holds), chromedp.Sleep(100*time.Millisecond))
		if holds {
			return
		}
		if time.Now().After(end) {
			k.t.Fatalf("never: %s", script)
		}
	}
}

func (k *kiosk) lostInThree(t *testing.T) {
	k.st.central.connect(false)
	k.card("dc126543")
	k.arrived("CHAN Lok Ching")
	k.taps = 0
	k.tap("Yes, photo matches")
	k.tap("Lost token")
	k.arrived("It still works until")
	k.tap("Report lost")
	k.arrived("Reported lost", "It still works until the sign-in service has it.")
	if k.taps != 3 {
		t.Errorf("%d taps", k.taps)
	}
	k.st.central.connect(true)
	k.arrived("The sign-in service does not accept it any more.")
	k.tap("Finish")
	k.arrived("Place the ID card")
}
