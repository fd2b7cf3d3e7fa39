package kiosk_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

const display = "/person-display"

// facing is a browser at the display that faces the person.
func (c *counter) facing() *kiosktest.Browser {
	b := c.browser()
	b.Open(display)
	return b
}

// calmText reads the display anew, and fails for a digit, a form, or a link that leads away.
func calmText(t *testing.T, b *kiosktest.Browser) string {
	t.Helper()
	b.Open(display)
	if b.Page.Status != http.StatusOK || b.Page.URL.Path != display {
		t.Fatalf("the display shows %s, status %d", b.Page.URL, b.Page.Status)
	}
	if bad := regexp.MustCompile(`\d`).FindString(b.Page.Text); bad != "" && !b.Page.Says("Welcome") {
		t.Errorf("the display shows a digit:\n%s", b.Page.Text)
	}
	for _, secret := range []string{chanNumber, chanCard, serial, "Alice", "/visit/", "portrait",
		"MOP", "<form", "<input", "<button"} {
		if strings.Contains(b.Page.HTML, secret) {
			t.Errorf("the display has %q in it:\n%s", secret, b.Page.Text)
		}
	}
	for _, link := range b.Page.Links {
		if !strings.HasPrefix(link.Href, display) && link.Href != "#main" {
			t.Errorf("a link leads to %s", link.Href)
		}
	}
	return b.Page.Text
}

// TestTheDisplayFollowsALoan: what it says at every step, and that it says nothing else.
func TestTheDisplayFollowsALoan(t *testing.T) {
	c := serve(t)
	d := c.facing()
	shows := func(title string, name bool) {
		t.Helper()
		text := calmText(t, d)
		want(t, d, title)
		if strings.Contains(text, "CHAN Lok Ching") != name {
			t.Errorf("at %q the name is shown: %v, want %v", title, !name, name)
		}
	}
	shows("Welcome", false)
	want(t, d, "09:00-13:00")
	b := c.unlocked(alice, alicePIN)
	shows("Welcome", false)
	c.found(b)
	shows("The officer is looking at your card.", false)
	b.Press("No phone", "match", "yes", "evidence", "passport")
	shows("The officer is preparing a security token for you.", true)
	c.plug(serial)
	b.Reload()
	shows("Your token is ready to be written", true)
	b.Press("Turn the screen")
	shows("Please look at the officer’s screen", true)
	b.Press("I agree")
	shows("Please look at the officer’s screen", true)
	b.Press("Write and loan", "pin", alicePIN)
	shows("Your token is being written", true)
	c.written()
	shows("Touch the gold disc", true)
	want(t, d, "Waiting for the touch", "Have the sign-in service register it")
	v := c.visit()
	v.Problem = provisioning.CodeOTPUnknown
	c.put(v)
	shows("Touch the gold disc once more", true)
	c.proven()
	shows("Well done", true)
	c.registered()
	shows("You have a security token", true)
	want(t, d, "It works now.", "To sign in: plug it in", "Lost it?", "Add a second device too")
	c.pass(provisioning.IdleAfter - provisioning.DoneFor + 21*time.Second)
	shows("Welcome", false)
}

// TestTheDisplaySaysWhatIsDone is the table of what stands on it at the steps a loan does not have.
func TestTheDisplaySaysWhatIsDone(t *testing.T) {
	type visit = provisioning.Visit
	for name, at := range map[string]struct {
		change func(*visit)
		title  string
	}{
		"mismatch": {func(v *visit) { v.Step = provisioning.StepMismatch },
			"The officer is looking at your card."},
		"choose": {func(v *visit) { v.Step = provisioning.StepChoose },
			"Tell the officer what you need."},
		"return": {func(v *visit) { v.Step = provisioning.StepReturn },
			"The officer is preparing the return."},
		"wiping": {func(v *visit) {
			v.Step, v.Progress = provisioning.StepReturn, provisioning.ProgressWiping
		}, "The token is being wiped"},
		"lost": {func(v *visit) { v.Step = provisioning.StepLost },
			"The officer is preparing the report"},
		"reinstate": {func(v *visit) {
			v.Step, v.Errand = provisioning.StepLost, provisioning.ErrandReinstate
		}, "The officer is preparing to lift the suspension."},
		"situation": {func(v *visit) { v.Step = provisioning.StepSituation },
			"The officer is preparing a passcode for you."},
		"second": {func(v *visit) { v.Step = provisioning.StepSecond }, "A second officer is coming"},
		"reveal": {func(v *visit) {
			v.Step, v.Errand = provisioning.StepReveal, provisioning.ErrandPasscode
		}, "Please look at the officer’s screen"},
		"problem": {func(v *visit) {
			v.Step, v.Problem = provisioning.StepProblem, provisioning.CodeTokenLoaned
		}, "One moment, please"},
		"returned":     {done(provisioning.ErrandReturn, -1), "The token is returned"},
		"lost, waits":  {done(provisioning.ErrandLost, 7), "Your token is reported lost"},
		"lost, blocks": {done(provisioning.ErrandLost, -1), "Your token is blocked"},
		"void, waits":  {done(provisioning.ErrandVoid, 7), "The token still works until"},
		"void":         {done(provisioning.ErrandVoid, -1), "You have no token on loan now."},
		"lifts, waits": {done(provisioning.ErrandReinstate, 7), "The token works again once"},
		"lifts":        {done(provisioning.ErrandReinstate, -1), "Your token works again"},
		"fee":          {done(provisioning.ErrandFee, -1), "The fee is settled"},
		"noted":        {done(provisioning.ErrandPasscode, -1), "You have your passcode"},
		"revoked": {func(v *visit) {
			done(provisioning.ErrandPasscode, -1)(v)
			v.PasscodeEnd = provisioning.PasscodeRevoked
		}, "Your passcode has ended"},
		"held":   {func(v *visit) { v.State = provisioning.VisitHeld }, "Welcome"},
		"parked": {func(v *visit) { v.State = provisioning.VisitParked }, "Welcome"},
		"ended":  {func(v *visit) { v.State = provisioning.VisitEnded }, "Welcome"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t)
			c.found(c.unlocked(alice, alicePIN))
			d, v := c.facing(), c.visit()
			v.Evidence, v.Deadline = provisioning.EvidencePassport, c.now().Add(provisioning.DoneFor)
			v.Token = "yubikey/" + serial
			at.change(&v)
			c.put(v)
			text := calmText(t, d)
			want(t, d, at.title)
			if v.State != provisioning.VisitOpen && strings.Contains(text, "CHAN") {
				t.Errorf("it still shows:\n%s", text)
			}
		})
	}
}

func done(errand provisioning.Errand, position int64) func(*provisioning.Visit) {
	return func(v *provisioning.Visit) {
		v.Step, v.Errand, v.Position = provisioning.StepDone, errand, position
	}
}

// TestTheDisplayShowsNoPasscode: neither hidden, nor while it is shown to the person, nor after;
// and nothing at all on a locked desk.
func TestTheDisplayShowsNoPasscode(t *testing.T) {
	c := serve(t)
	d, b := c.facing(), c.unlocked(alice, alicePIN)
	events := d.Listen(t.Context(), d.Page.Live)
	c.reading(b)
	code := c.digits()[0]
	calmText(t, d)
	want(t, d, "Please look at the officer’s screen")
	wantNot(t, d, forms(code)...)
	for said := ""; !strings.Contains(said, "Please look at"); {
		said = next(t, events).Data
		for _, form := range forms(code) {
			if strings.Contains(said, form) {
				t.Fatalf("the stream says %q", form)
			}
		}
	}
	b.Press("I have it, finish")
	calmText(t, d)
	want(t, d, "Welcome")
}

// TestTheDisplayClearsWhenTheDeskLocks: at once, by its stream, and for whoever unlocks next.
func TestTheDisplayClearsWhenTheDeskLocks(t *testing.T) {
	c := serve(t)
	d, b := c.facing(), c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	calmText(t, d)
	events := d.Listen(t.Context(), d.Page.Live)
	if e := next(t, events); !strings.Contains(e.Data, "CHAN Lok Ching") {
		t.Fatalf("event %+v", e)
	}
	b.Press("Lock")
	e := next(t, events)
	if e.Name != "fragment" || !strings.Contains(e.Data, "Welcome") ||
		strings.Contains(e.Data, "CHAN") {
		t.Errorf("after locking: %+v", e)
	}
	c.unlocked(bob, bobPIN)
	calmText(t, d)
	want(t, d, "Welcome")
}

// TestTheDisplaysCookieOpensNothing: not as it is, not under the name of the other, and the
// officer's does not become the display's.
func TestTheDisplaysCookieOpensNothing(t *testing.T) {
	c := serve(t)
	d, b := c.facing(), c.unlocked(alice, alicePIN)
	c.found(b)
	d.Follow("Português")
	visit := b.Page.URL.Path
	at, _ := url.Parse(d.Address(display))
	cookies := d.Client().Jar.Cookies(at)
	if len(cookies) != 1 || cookies[0].Name != "outward" {
		t.Fatalf("the display has the cookies %v", cookies)
	}
	home, _ := url.Parse(d.Address("/"))
	if sent := d.Client().Jar.Cookies(home); len(sent) != 0 {
		t.Errorf("the display sends %v to the officer's pages", sent)
	}
	end := b.Form("End this visit")
	for _, path := range append(deskRoutes, visit, visit+"/live", visit+"/portrait", "/person",
		"/shift", "/key") {
		for _, name := range []string{"outward", "screen", "self"} {
			req, _ := http.NewRequest(http.MethodGet, d.Address(path), nil)
			req.AddCookie(&http.Cookie{Name: name, Value: cookies[0].Value})
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != "/" {
				t.Errorf("%s opens %s: status %d, %q", name, path, resp.StatusCode, to)
			}
		}
	}
	if _, to := d.Deliver(end); to != "/" || c.visitCount() != 1 {
		t.Errorf("an officer's form from the display leads to %q", to)
	}
	for _, path := range []string{display, display + "/look", display + "/live"} {
		post := kiosktest.Post{Action: path, Values: url.Values{"do": {"end"}, "lang": {"pt"}}}
		if status, _ := d.Deliver(post); status != http.StatusMethodNotAllowed {
			t.Errorf("a post to %s: status %d", path, status)
		}
	}
	if d.Open(display + "/visit/1"); d.Page.URL.Path != display {
		t.Errorf("an unknown address shows %s", d.Page.URL)
	}
	b.Open(display)
	calmText(t, b)
	if b.Open(visit); b.Page.URL.Path != visit {
		t.Errorf("having looked at the display the officer is at %s", b.Page.URL)
	}
}

// TestTheDisplaySpeaksToThePerson: in their language, in the one they choose for this visit, and in
// its own again for the next.
func TestTheDisplaySpeaksToThePerson(t *testing.T) {
	c := serve(t)
	d, other := c.facing(), c.facing()
	speaks := func(lang string, more ...string) {
		t.Helper()
		d.Open(display)
		wanted := append(more, `<html lang="`+lang+`"`, pages.Text(lang, "outward.window"))
		for _, w := range wanted {
			if !strings.Contains(d.Page.HTML, w) {
				t.Fatalf("the display does not say %q: %.300s", w, d.Page.HTML)
			}
		}
	}
	speaks("en")
	events := d.Listen(t.Context(), d.Page.Live)
	next(t, events)
	d.Follow("Bahasa Melayu")
	speaks("ms")
	if other.Open(display); !strings.Contains(other.Page.HTML, `<html lang="en"`) {
		t.Error("another display changed its language, too")
	}
	person := c.people[chanNumber]
	person.Lang = "zh-Hant"
	c.people[chanNumber] = person
	b := c.unlocked(alice, alicePIN)
	events = d.Listen(t.Context(), d.Page.Live)
	next(t, events)
	c.found(b)
	if e := next(t, events); e.Name != "goto" || e.Data != display {
		t.Errorf("the page in another language is told %+v", e)
	}
	speaks("zh-Hant", "正在為你服務")
	d.Follow("Português")
	d.Follow("Mais contraste")
	d.Follow("Texto maior")
	speaks("pt", `data-theme="contrast"`, `data-text="large"`)
	d.Follow("Contraste normal")
	wantNot(t, d, `data-theme`)
	if want(t, b, "What do they need?"); c.visit().Step != provisioning.StepIdentify {
		t.Error("a choice on the display changed the visit")
	}
	b.Press("End this visit")
	speaks("en")
	wantNot(t, d, `data-text`)
	d.Follow("Português")
	c.pass(3*time.Minute + time.Second)
	speaks("en")
}

// TestTheDisplayWorksWithoutScripts: it asks again by itself.
func TestTheDisplayWorksWithoutScripts(t *testing.T) {
	d := serve(t).facing()
	if !strings.Contains(d.Page.HTML, `<noscript><meta http-equiv="refresh" content="2"`) {
		t.Errorf("without scripts it stays as it is: %.600s", d.Page.HTML)
	}
}
