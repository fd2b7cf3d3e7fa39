package kiosk_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
)

// eventually asks until the screen's Run has done what it does on its own.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		runtime.Gosched()
	}
}

var deskRoutes = []string{"/ready", "/ready/live", "/number", "/held", "/parked", "/doubtful",
	"/tokens", "/tokens/yubikey/" + serial, "/tokens/yubikey/" + serial + "/live"}

func TestLockedDeskOpensNothing(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	visit := b.Page.URL.Path
	stranger := c.browser()
	for _, path := range append(deskRoutes, visit, visit+"/live", visit+"/portrait", visit+"/vouch",
		"/person") {
		stranger.Open(path)
		if stranger.Page.URL.Path != "/" {
			t.Errorf("%s shows a stranger %s", path, stranger.Page.URL)
		}
		wantNot(t, stranger, "CHAN")
	}
	end := b.Form("End this visit")
	if _, to := stranger.Deliver(end); to != "/" || c.visitCount() != 1 {
		t.Errorf("a stranger's post leads to %q", to)
	}
}

// TestTurnedScreenHasNothingOfTheOfficer: neither in its pages nor behind any address.
func TestTurnedScreenHasNothingOfTheOfficer(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.checking(b)
	visit := b.Page.URL.Path
	back := b.Form("Back")
	before, _ := http.NewRequest(http.MethodGet, b.Address(visit), nil)
	for _, cookie := range b.Client().Jar.Cookies(before.URL) {
		before.AddCookie(cookie)
	}
	b.Press("Turn the screen")
	want(t, b, "CHAN Lok Ching", "I agree")
	wantNot(t, b, "Alice", "Lock", "/visit/", "portrait", chanNumber)
	for _, path := range append(deskRoutes, "/", visit, visit+"/portrait", visit+"/live") {
		b.Open(path)
		if b.Page.URL.Path != "/person" {
			t.Errorf("%s shows the person %s", path, b.Page.URL)
		}
	}
	if _, to := b.Deliver(back); to != "/person" {
		t.Errorf("an officer's form leads to %q", to)
	}
	resp, err := http.DefaultTransport.RoundTrip(before)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "/" {
		t.Errorf("the officer's old cookie opens %q", to)
	}
	if v := c.visit(); !v.Turned || v.Step != provisioning.StepCheck {
		t.Errorf("turned %v at %s", v.Turned, v.Step)
	}
}

func TestTakingTheScreenBackNeedsTheOfficersPIN(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.checking(b)
	b.Press("Turn the screen")
	b.Open("/person?back=1")
	for _, pin := range []string{bobPIN, "000000"} {
		b.Press("Go on", "pin", pin)
		if b.Page.URL.Path != "/person" || !c.visit().Turned {
			t.Fatalf("PIN %d gave the screen back", len(pin))
		}
	}
	b.Press("Go on", "pin", alicePIN)
	if c.visit().Turned || !strings.HasPrefix(b.Page.URL.Path, "/visit/") {
		t.Errorf("the right PIN leads to %s", b.Page.URL)
	}
	want(t, b, "Alice Officer")
}

// TestOnePressTakesTheScreenBackAndWrites: the officer's PIN and "Write and loan", for the token
// that was shown and agreed to, and for no other.
func TestOnePressTakesTheScreenBackAndWrites(t *testing.T) {
	agreed := func(t *testing.T) (*counter, *kiosktest.Browser) {
		c := serve(t)
		b := c.unlocked(alice, alicePIN)
		c.checking(b)
		b.Press("Turn the screen")
		b.Press("I agree")
		want(t, b, "slot 2 of token "+serial)
		return c, b
	}
	back := func(t *testing.T, c *counter, step provisioning.Step) {
		t.Helper()
		if v := c.visit(); v.Step != step || v.Turned {
			t.Errorf("the visit is at %s, turned %v; want %s", v.Step, v.Turned, step)
		}
	}
	t.Run("it writes", func(t *testing.T) {
		c, b := agreed(t)
		b.Press("Write and loan", "pin", alicePIN)
		back(t, c, provisioning.StepWrite)
		want(t, b, "Writing…")
	})
	t.Run("a wrong PIN does neither", func(t *testing.T) {
		c, b := agreed(t)
		b.Press("Write and loan", "pin", bobPIN)
		if v := c.visit(); v.Step != provisioning.StepCheck || !v.Turned {
			t.Errorf("the visit is at %s, turned %v", v.Step, v.Turned)
		}
		want(t, b, sentence(t, kiosk.CodePINWrong, "left", "4").Happened)
	})
	t.Run("go on shows the details first", func(t *testing.T) {
		c, b := agreed(t)
		b.Press("Go on", "pin", alicePIN)
		back(t, c, provisioning.StepCheck)
		want(t, b, "Nothing is written yet", "Accepted at")
	})
	t.Run("another token is shown first", func(t *testing.T) {
		c, b := agreed(t)
		v := c.visit()
		v.Token = "yubikey/99999999"
		c.put(v)
		b.Press("Write and loan", "pin", alicePIN)
		back(t, c, provisioning.StepCheck)
	})
	t.Run("a token that was pulled out is refused, and the screen is back", func(t *testing.T) {
		c, b := agreed(t)
		c.mu.Lock()
		c.plugs = nil
		c.mu.Unlock()
		b.Press("Write and loan", "pin", alicePIN)
		back(t, c, provisioning.StepCheck)
		p := sentence(t, provisioning.CodeTokenAbsent)
		want(t, b, p.Happened, p.Done)
	})
	t.Run("what somebody else wrote is erased on the details only", func(t *testing.T) {
		c, b := agreed(t)
		v := c.visit()
		v.Overwrites = true
		c.put(v)
		b.Open("/person")
		if b.Page.Has("Write and loan") {
			t.Error("one press would erase it")
		}
		b.Press("Go on", "pin", alicePIN)
		want(t, b, "holds something this desk did not write", "Erase, write and loan")
	})
}

func TestUnlockingTurnsTheScreenBack(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.checking(b)
	b.Press("Turn the screen")
	fresh := c.unlockedAnywhere(alice, alicePIN)
	if c.visit().Turned || !strings.HasPrefix(fresh.Page.URL.Path, "/visit/") {
		t.Errorf("turned %v, at %s", c.visit().Turned, fresh.Page.URL)
	}
	b.Open("/person")
	if b.Page.URL.Path != "/" {
		t.Errorf("the old turned screen shows %s", b.Page.URL)
	}
}

// TestTheNewestUnlockingOwnsTheCounter: the other screen locks, its visit waits for its officer.
func TestTheNewestUnlockingOwnsTheCounter(t *testing.T) {
	c := serve(t)
	a := c.unlocked(alice, alicePIN)
	c.found(a)
	visit := a.Page.URL.Path
	b := c.unlocked(bob, bobPIN)
	if v := c.visit(); v.State != provisioning.VisitHeld {
		t.Errorf("the visit is %s", v.State)
	}
	a.Open(visit)
	if a.Page.URL.Path != "/" {
		t.Errorf("the first screen shows %s", a.Page.URL)
	}
	b.Open(visit)
	if b.Page.URL.Path != "/ready" {
		t.Errorf("another officer's visit shows %s", b.Page.URL)
	}
	b.Press("Lock")
	a.Press("Unlock", "officer", alice, "pin", alicePIN)
	a.Open("/held")
	a.Press("Continue")
	if a.Page.URL.Path != visit {
		t.Errorf("resuming leads to %s", a.Page.URL)
	}
}

func TestLockHoldsTheVisit(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Lock")
	if c.visit().State != provisioning.VisitHeld {
		t.Errorf("the visit is %s", c.visit().State)
	}
	wantNot(t, b, "CHAN")
	want(t, b, "1 visit is waiting for its officer.")
}

// TestIdle: the server locks by itself, holds the visit, and "I am still here" puts it off.
func TestIdle(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	if !strings.Contains(b.Page.HTML, `data-idle="90"`) ||
		!strings.Contains(b.Page.HTML, `data-warn="30"`) {
		t.Errorf("the page does not warn: %s", b.Page.HTML)
	}
	for range 12 {
		c.pass(80 * time.Second)
		resp, err := b.Client().Post(b.Address("/alive"), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if v := c.visit(); v.State != provisioning.VisitOpen {
		t.Fatalf("the visit is %s though somebody is here", v.State)
	}
	c.pass(91 * time.Second)
	eventually(t, "the visit is held", func() bool {
		return c.visit().State == provisioning.VisitHeld
	})
	eventually(t, "the screen locks", func() bool { return b.Open("/ready").URL.Path == "/" })
}

func TestIdleOnReadyLocks(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.pass(179 * time.Second)
	b.Open("/ready")
	want(t, b, "tokens in the drawer")
	c.pass(2 * time.Second)
	eventually(t, "the screen locks", func() bool { return b.Open("/ready").URL.Path == "/" })
}

func TestNoDeadlineDuringAWrite(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.writing(b)
	if strings.Contains(b.Page.HTML, "data-idle") {
		t.Error("the page counts down during a write")
	}
	c.pass(20 * time.Minute)
	b.Reload()
	if v := c.visit(); v.State != provisioning.VisitOpen || b.Page.URL.Path == "/" {
		t.Errorf("the visit is %s, the page %s", v.State, b.Page.URL)
	}
}

// TestATouchIsWaitedForLonger: the page counts down to the end of the wait, which is no write any
// more, and "I am still here" puts it off as often as it is said.
func TestATouchIsWaitedForLonger(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.writing(b)
	c.written()
	b.Reload()
	if !strings.Contains(b.Page.HTML, `data-idle="45"`) ||
		!strings.Contains(b.Page.HTML, `data-warn="30"`) {
		t.Errorf("the page does not warn: %s", b.Page.HTML)
	}
	for range 12 {
		c.pass(40 * time.Second)
		resp, err := b.Client().Post(b.Address("/alive"), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if left := c.visit().TouchBy.Sub(c.now()); left != provisioning.TouchFor {
			t.Fatalf("the touch is waited for %v more", left)
		}
	}
}

func TestTheRunnersHoldLocksTheScreen(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	v := c.visit()
	v.State = provisioning.VisitHeld
	c.put(v)
	eventually(t, "the screen locks", func() bool { return b.Open("/ready").URL.Path == "/" })
	wantNot(t, b, "CHAN")
}

func TestTaps(t *testing.T) {
	c := serve(t)
	c.taps <- devices.Tap{Number: chanCard}
	c.taps <- devices.Tap{Number: chanCard} // the first has been taken care of
	if len(c.finds) != 0 || c.visitCount() != 0 {
		t.Error("a tap on a locked desk looks people up")
	}
	b := c.unlocked(alice, alicePIN)
	c.taps <- devices.Tap{Number: "UNKNOWN"}
	eventually(t, "the note", func() bool {
		return b.Open("/ready").Says(sentence(t, kiosk.CodePersonUnknown).Happened)
	})
	c.taps <- devices.Tap{Number: chanCard}
	eventually(t, "the visit", func() bool { return c.visitCount() == 1 })
	b.Open("/ready")
	want(t, b, "CHAN Lok Ching")
	id := c.visit().ID
	c.taps <- devices.Tap{Number: chanCard}
	b.Reload()
	if c.visit().ID != id {
		t.Error("a tap during a visit changed the visit")
	}
}

func TestDirectoryDown(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.mu.Lock()
	c.health.DirectoryUp = false
	c.mu.Unlock()
	b.Open("/number")
	b.Press("Find", "number", chanNumber)
	p := sentence(t, kiosk.CodeDirectoryDown)
	want(t, b, p.Happened, p.Done)
	if !strings.Contains(b.Page.HTML, `value="`+chanNumber+`"`) {
		t.Error("the number has to be typed again")
	}
}

func TestADismissedOfficerIsLockedOut(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	o, _ := provisioning.Get[provisioning.Officer](c.Snapshot(), alice)
	o.Disabled = true
	c.put(o)
	b.Open("/ready")
	if b.Page.URL.Path != "/" {
		t.Errorf("a dismissed officer sees %s", b.Page.URL)
	}
	wantNot(t, b, "Alice")
}

// TestParallelWrongPINs: fifty at once are counted like fifty in a row.
func TestParallelWrongPINs(t *testing.T) {
	c := serve(t)
	b := c.browser()
	b.Open("/")
	var wg sync.WaitGroup
	for i := range 50 {
		post := b.Form("Unlock", "officer", alice, "pin", fmt.Sprintf("%06d", i))
		post.Values.Set("op", fmt.Sprintf("%032x", i))
		wg.Go(func() {
			if status, to := b.Deliver(post); status != http.StatusSeeOther || to != "/" {
				t.Errorf("status %d, leads to %q", status, to)
			}
		})
	}
	wg.Wait()
	o, _ := provisioning.Get[provisioning.Officer](c.Snapshot(), alice)
	if o.Failures != officer.Tries {
		t.Errorf("%d tries were taken, want %d", o.Failures, officer.Tries)
	}
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	if b.Page.URL.Path != "/" {
		t.Error("the right PIN is taken while the officer is locked")
	}
	want(t, b, "09:01")
}
