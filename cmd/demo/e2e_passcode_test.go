//go:build e2e

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestE2EPasscode is a forgotten phone, from the card to an accepted sign-in in five taps, in every
// language, by what the buttons do and not by what they say. The sixth use is refused, and Back
// leads nowhere.
func TestE2EPasscode(t *testing.T) {
	st := startStage(t, settings{site: "um"})
	browser := chromium(t)
	k := &kiosk{tab: openTab(t, browser, "http://"+st.screen.Addr().String()), st: st}
	k.do("hold still", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-reduced-motion", Value: "reduce"}}))
	k.ear = listen(k.tab)
	for i, lang := range pages.Langs() {
		person := st.people[i%2]
		code := k.forgottenPhone(t, person.Person, lang)
		for range 5 {
			k.signIn(t, person.Account, code, true)
		}
		k.signIn(t, person.Account, code, false)
	}
	k.ear.judge(t, "http://"+st.screen.Addr().String())
}

// forgottenPhone unlocks, lays the card down, and taps five times.
func (k *kiosk) forgottenPhone(t *testing.T, p provisioning.Person, lang string) (code string) {
	t.Helper()
	k.do("choose a language", until(`!!document.querySelector('#pin')`),
		chromedp.Evaluate(fmt.Sprintf(speak, lang), nil, awaited), chromedp.Reload(),
		until(`!!document.querySelector('#pin')`), chromedp.Evaluate(choose, nil),
		chromedp.KeyEvent(k.st.pin+kb.Enter),
		until(`location.pathname === '/ready'`),
		chromedp.Evaluate(fmt.Sprintf(speak, lang), nil, awaited))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := k.st.reader.Tap(ctx, p.Card); err != nil {
		t.Fatal(err)
	}
	k.do("see the person", until(`!!document.querySelector('#match-yes')`))
	k.speaks(lang)
	k.taps = 0
	k.quick(`//label[@for="match-yes"]`)
	k.quick(`//button[@name="do"][@value="passcode"]`)
	k.quick(`//button[@name="do"][@value="issue:phone_forgotten"]`)
	// The directory knows what this person reads; here they are somebody who reads something else.
	k.do("turn the screen", until(`!!document.querySelector('[name=do][value=show]')`),
		chromedp.Evaluate(fmt.Sprintf(speak, lang), nil, awaited), chromedp.Reload())
	k.quick(`//form[input[@name="do"][@value="show"]]//button`)
	k.do("see the digits", until(`!!document.querySelector('[data-secret] .digits')`))
	k.speaks(lang)
	code = k.boxes()
	k.quick(`//form[input[@name="do"][@value="noted"]]//button`)
	k.do("see the goodbye", until(`location.pathname === '/goodbye'`))
	k.speaks(lang)
	for range 2 {
		k.do("go back", chromedp.NavigateBack(), until(`document.readyState === 'complete'`))
		if digits := k.boxes(); digits != "" {
			t.Errorf("%s: the browser's Back shows a passcode", lang)
		}
	}
	k.do("see the locked desk", until(`location.pathname === '/'`))
	if k.taps != 5 || len(code) != 9 || strings.HasPrefix(code, "0") {
		t.Errorf("%s: %d taps, %d digits", lang, k.taps, len(code))
	}
	return code
}

// speak makes this browser, and the officer who is unlocked, speak a language.
const speak = `fetch('/language', {method: 'POST', redirect: 'manual', headers:
	{'Content-Type': 'application/x-www-form-urlencoded'}, body: 'back=/&lang=%s'}).then(() => true)`

// choose picks the first officer of the demonstration, and leaves the PIN to the keys.
const choose = `document.querySelector('[name=officer][value=help]').checked = true;
	document.querySelector('#pin').focus()`

// quick is one touch as soon as the page takes any.
func (k *kiosk) quick(xpath string) {
	k.t.Helper()
	k.taps++
	takes := fmt.Sprintf("(e => !!e && getComputedStyle(e).pointerEvents !== 'none')"+
		"(document.evaluate(%q, document, null, 9, null).singleNodeValue)", xpath)
	k.do("touch "+xpath, until(takes), chromedp.Click(xpath, chromedp.BySearch))
}

// speaks checks that the page is in a language, and fits.
func (k *kiosk) speaks(lang string) {
	k.t.Helper()
	k.do("read "+lang, until(fmt.Sprintf("document.readyState === 'complete' && "+
		"document.documentElement.lang === %q", lang)))
	var wide bool
	k.do("measure", chromedp.Evaluate(
		`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide))
	if wide {
		k.t.Errorf("%s: the page is wider than the screen", lang)
	}
}

// boxes are the digits a person sees on the page, if any.
func (k *kiosk) boxes() (digits string) {
	k.t.Helper()
	k.do("read the boxes", chromedp.Evaluate(`[...document.querySelectorAll('[data-secret] .g')]`+
		`.map((e) => e.innerText).join('')`, &digits))
	return digits
}

func (k *kiosk) signIn(t *testing.T, account, code string, want bool) {
	t.Helper()
	accepted, err := k.st.central.signIn(t.Context(), account, code)
	if err != nil || accepted != want {
		t.Errorf("the sign-in service says %v to a passcode, want %v: %v", accepted, want, err)
	}
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
