package kiosk_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// spelled is a passcode for the ear, as its page says it.
func spelled(code string) string { return strings.Join(strings.Split(code, ""), " ") }

// forms are all the ways a passcode could be written. Three digits may stand in an id by chance.
func forms(code string) []string {
	return []string{code, spelled(code), ">" + code[:3] + "<", ">" + code[3:6] + "<",
		">" + code[6:] + "<", code[:3] + " " + code[3:6], code[:3] + "-" + code[3:6]}
}

// TestPasscodeInFiveTaps walks from the person's page to the goodbye by forms alone.
func TestPasscodeInFiveTaps(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	taps := 0
	press := func(label string, fields ...string) {
		t.Helper()
		taps++
		b.Press(label, fields...)
	}
	taps++ // "Yes, photo matches" is one, too.
	press("Passcode", "match", "yes", "evidence", "university_card")
	want(t, b, "24 hours · 5 uses", "7 days · unlimited", "A second officer touches")
	press("Forgot the phone today")
	want(t, b, "One moment…", "The sign-in service is being told")
	wantNot(t, b, "Alice", "Show my code")
	c.taken()
	b.Reload()
	want(t, b, "Ready when you are", "23 November 2026, 09:00", "5 times")
	press("Show my code")
	code := c.digits()[0]
	want(t, b, "Your passcode", spelled(code), code[:3], code[3:6], code[6:],
		"23 November 2026, 09:00", "5 times")
	press("I have it, finish")
	want(t, b, "Thank you. You are done.")
	if taps != 5 {
		t.Errorf("a passcode takes %d taps", taps)
	}
	if c.visitCount() != 0 {
		t.Error("the visit did not end")
	}
	if b.Page.Header.Get("Refresh") != "6; url=/" {
		t.Errorf("the goodbye stays: %q", b.Page.Header.Get("Refresh"))
	}
	for _, path := range []string{"/person", "/ready", "/person/live", "/person?back=1"} {
		if b.Open(path); b.Page.URL.Path != "/" {
			t.Errorf("after the goodbye %s shows %s", path, b.Page.URL)
		}
	}
	c.pass(7 * time.Second)
	b.Open("/goodbye")
	want(t, b, "Who is at the desk?")
}

// TestDigitsHideByThemselves: after half a minute the page asks again, and gets none.
func TestDigitsHideByThemselves(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.reading(b)
	code := c.digits()[0]
	if got := b.Page.Header.Get("Refresh"); got != "30; url=/person" {
		t.Errorf("the page does not hide by itself: %q", got)
	}
	c.pass(12 * time.Second)
	b.Reload()
	if got := b.Page.Header.Get("Refresh"); got != "18; url=/person" {
		t.Errorf("after 12 s it hides in %q", got)
	}
	want(t, b, spelled(code), "18")
	told := watch(t, b)
	c.pass(18 * time.Second)
	if e := next(t, told); e.Name != "goto" || e.Data != "/person" {
		t.Errorf("the page is told %+v", e)
	}
	b.Reload()
	want(t, b, "Your passcode is hidden.", "I have it, finish")
	wantNot(t, b, forms(code)...)
	b.Press("Show it again")
	want(t, b, spelled(code))
	b.Press("Hide now")
	wantNot(t, b, forms(code)...)
	want(t, b, "Show it again")
}

// TestDigitsAreShownToNobodyElse: whoever has the address, an old cookie or a form gets none, and
// neither has the next session of the turned screen before it asks.
func TestDigitsAreShownToNobodyElse(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.forgotPhone(b)
	c.taken()
	b.Reload()
	show := b.Form("Show my code")
	stranger, guessed := c.browser(), kiosktest.Post{Action: show.Action,
		Values: maps.Clone(show.Values)}
	guessed.Values.Set("op", strings.Repeat("a", 32))
	if _, to := stranger.Deliver(guessed); to != "/" || !c.visit().ShownUntil.IsZero() {
		t.Errorf("a stranger's form leads to %q", to)
	}
	b.Send(show)
	code := c.digits()[0]
	want(t, b, spelled(code))
	asked := c.shown
	for _, path := range []string{"/person", "/person/live?at=reveal.shown.clear", "/"} {
		stranger.Open(path)
		wantNot(t, stranger, append(forms(code), "CHAN")...)
	}
	officer := c.unlockedAnywhere(alice, alicePIN)
	for _, path := range []string{"/person", "/visit/" + string(c.visit().ID),
		"/visit/" + string(c.visit().ID) + "/passcodes"} {
		officer.Open(path)
		wantNot(t, officer, forms(code)...)
	}
	want(t, officer, "Passcode issued and shown")
	if b.Open("/person"); b.Page.URL.Path != "/" {
		t.Errorf("the screen that was turned shows %s", b.Page.URL)
	}
	if c.shown != asked {
		t.Error("the digits were asked for in the officer's name")
	}
	guessed.Values.Set("op", strings.Repeat("b", 32))
	if _, to := officer.Deliver(guessed); to != "/" || c.shown != asked {
		t.Errorf("the person's form in the officer's session leads to %q", to)
	}
	officer.Press("Issue another")
	c.taken()
	officer.Reload()
	want(t, officer, "Show my code")
	for _, each := range c.digits() {
		wantNot(t, officer, forms(each)...)
	}
}

// TestRevealedScreenHasNothingOfTheOfficer: neither in its pages nor behind any address.
func TestRevealedScreenHasNothingOfTheOfficer(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	visit := b.Page.URL.Path
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	b.Press("Forgot the phone today")
	for range 3 {
		wantNot(t, b, "Alice", "Lock", "/visit/", "portrait", chanNumber)
		for _, path := range append(deskRoutes, "/", visit, visit+"/portrait", visit+"/live",
			visit+"/passcodes", visit+"/why") {
			b.Open(path)
			if b.Page.URL.Path != "/person" {
				t.Errorf("%s shows the person %s", path, b.Page.URL)
			}
		}
		if b.Page.Has("Show my code") {
			b.Press("Show my code")
			continue
		}
		c.taken()
		b.Reload()
	}
	b.Press("Hide now")
	b.Follow("Back to the officer")
	b.Press("Go on", "pin", bobPIN)
	if !c.visit().Turned {
		t.Fatal("another officer's PIN gave the screen back")
	}
	b.Press("Go on", "pin", alicePIN)
	want(t, b, "Passcode issued and shown", "Alice Officer")
	b.Press("Finish")
	if c.visitCount() != 0 {
		t.Error("the visit did not end")
	}
}

// TestPasscodeIsIssuedOnce: five presses at once are one passcode and lead to the same page, and so
// does the browser's Back.
func TestPasscodeIsIssuedOnce(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	tile := b.Form("Forgot the phone today")
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if status, to := b.Deliver(tile); status != http.StatusSeeOther || to != "/person" {
				t.Errorf("status %d, leads to %q", status, to)
			}
		})
	}
	wg.Wait()
	b.Open("/person")
	c.taken()
	b.Send(tile)
	want(t, b, "Ready when you are")
	if day := provisioning.IssuedOn(c.Snapshot(), site, c.now()); day.Total != 1 {
		t.Errorf("%d passcodes were issued", day.Total)
	}
	b.Press("Show my code")
	finish := b.Form("I have it, finish")
	b.Send(finish)
	b.Send(finish)
	if b.Send(tile); b.Page.URL.Path != "/" {
		t.Errorf("the tile leads to %s after the end", b.Page.URL)
	}
	if day := provisioning.IssuedOn(c.Snapshot(), site, c.now()); day.Total != 1 {
		t.Errorf("%d passcodes were issued", day.Total)
	}
}

func TestOpenPasscodes(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.reading(b)
	b.Press("I have it, finish")
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	c.found(b)
	want(t, b, "Open passcodes", "Short")
	b.Press("Open passcodes", "match", "yes", "evidence", "university_card")
	want(t, b, "Short passcode", "Works until 23 November 2026, 09:00", "24 hours · 5 uses",
		"Forgot the phone today")
	wantNot(t, b, forms(c.digits()[0])...)
	list := b.Page.URL.Path
	b.Press("Recovery passcode")
	c.taken()
	b.Reload()
	b.Press("Show my code")
	want(t, b, "Your recovery passcode", "2 times")
	b.Open("/person?back=1")
	b.Press("Go on", "pin", alicePIN)
	b.Press("Revoke")
	want(t, b, "Passcode revoked here", "It still works until the sign-in service has it.")
	b.Open(list)
	want(t, b, "Short passcode")
	wantNot(t, b, "Recovery passcode")
	b.Press("Revoke")
	c.put(provisioning.Verifier{Acked: c.Snapshot().Position() + 1})
	b.Reload()
	want(t, b, "The sign-in service does not accept it any more.")
	if open := provisioning.LivePasscodes(c.Snapshot(), chanNumber); len(open) != 0 {
		t.Errorf("open passcodes: %+v", open)
	}
}

// TestPasscodeTileSaysWhyItIsClosed: with its reason, and only where it applies.
func TestPasscodeTileSaysWhyItIsClosed(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	for name, turn := range map[string]func(*provisioning.Health){
		string(provisioning.CodeVerifierAway): func(h *provisioning.Health) { h.VerifierUp = false },
		string(kiosk.CodeDirectoryDown):       func(h *provisioning.Health) { h.DirectoryUp = false },
	} {
		c.mu.Lock()
		was := c.health
		turn(&c.health)
		c.mu.Unlock()
		b.Reload()
		want(t, b, sentence(t, provisioning.Code(name)).Happened)
		if b.Page.Has("Passcode") {
			t.Errorf("%s: a passcode is offered", name)
		}
		c.mu.Lock()
		c.health = was
		c.mu.Unlock()
	}
	b.Reload()
	b.Press("No phone", "match", "yes", "evidence", "passport")
	b.Press("Back to choices")
	want(t, b, sentence(t, provisioning.CodeEvidenceNotEnough).Happened)
	if b.Page.Has("Passcode") {
		t.Error("a passport is enough for a passcode")
	}
}

// TestNoPasscodesWithoutAProfile: a function the site lacks is absent.
func TestNoPasscodesWithoutAProfile(t *testing.T) {
	c := newCounter(t)
	c.config.Site.Passcodes, c.config.Site.Situations = nil, nil
	c.config.Passcodes = nil
	t.Cleanup(c.start())
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	wantNot(t, b, "asscode")
	b.Open(b.Page.URL.Path + "/passcodes")
	wantNot(t, b, "asscode")
}

// TestWhyIsWrittenDown: a situation that asks for words gets them, by keys too.
func TestWhyIsWrittenDown(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	b.Press("Deleted the app on the only phone")
	want(t, b, "Why they need it", "7 days · unlimited")
	b.Press("e")
	b.Press("x")
	b.Press("Go on")
	want(t, b, "Nothing is issued yet", "ex")
	if v := c.visit(); v.Justification != "ex" || v.Step != provisioning.StepSecond {
		t.Errorf("justified by %q at %s", v.Justification, v.Step)
	}
}

// TestAPasscodeThatFailed: the person reads that there is none, the officer what was and was not
// done, and one press issues another.
func TestAPasscodeThatFailed(t *testing.T) {
	for _, code := range []provisioning.Code{provisioning.CodePasscodeRefused,
		provisioning.CodePasscodeUnanswered, provisioning.CodePasscodeGone} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			c := serve(t)
			b := c.unlocked(alice, alicePIN)
			c.forgotPhone(b)
			c.refused(code)
			b.Reload()
			want(t, b, "Your passcode could not be made", "You have no new passcode.")
			p := sentence(t, code)
			wantNot(t, b, "Alice", p.Happened)
			b.Press("Go on", "pin", alicePIN)
			want(t, b, p.Happened, p.Done, p.Todo)
			b.Press("Issue it again")
			c.taken()
			b.Reload()
			want(t, b, "Ready when you are")
		})
	}
}

// TestTurnedScreenLocksByItself: nobody touches it, so the visit waits for its officer and the
// screen shows nothing of it.
func TestTurnedScreenLocksByItself(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.reading(b)
	c.pass(91 * time.Second)
	eventually(t, "the screen locks", func() bool { return b.Open("/person").URL.Path == "/" })
	wantNot(t, b, append(forms(c.digits()[0]), "CHAN")...)
	if v := c.visit(); v.State != provisioning.VisitHeld || v.Turned {
		t.Errorf("the visit is %s, turned %v", v.State, v.Turned)
	}
}

// mishapsOfPasscodes are what goes wrong around one.
func mishapsOfPasscodes() []mishap {
	return []mishap{
		{name: "the service is away as the tile is pressed", code: provisioning.CodeVerifierAway,
			walk: func(c *counter, b *kiosktest.Browser) {
				c.found(b)
				b.Press("Passcode", "match", "yes", "evidence", "university_card")
				c.verifierDown()
				b.Press("Forgot the phone today")
			}},
	}
}

// TestSeveralCodesAreAList: where each is good for one use, the person sees them all, numbered.
func TestSeveralCodesAreAList(t *testing.T) {
	c := newCounter(t)
	strict, err := provisioning.LoadSite("um-strict")
	if err != nil {
		t.Fatal(err)
	}
	c.config.Site.Passcodes, c.config.Site.Situations = strict.Passcodes, strict.Situations
	t.Cleanup(c.start())
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	want(t, b, "24 hours · 5 codes for one use each", "only to set up a device")
	b.Press("Forgot the phone today")
	c.taken()
	b.Reload()
	b.Press("Show my code")
	want(t, b, "Your passcodes", "each of them once")
	if len(c.digits()) != 5 {
		t.Fatalf("%d codes", len(c.digits()))
	}
	for _, code := range c.digits() {
		want(t, b, spelled(code), code[:3], code[3:6], code[6:])
	}
}
