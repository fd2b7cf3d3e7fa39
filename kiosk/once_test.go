package kiosk_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// five posts one form five times at once, and returns the one place all five lead to.
func five(t *testing.T, b *kiosktest.Browser, post kiosktest.Post) string {
	t.Helper()
	var wg sync.WaitGroup
	to := make([]string, 5)
	for i := range to {
		wg.Go(func() {
			status, location := b.Deliver(post)
			if status != http.StatusSeeOther {
				t.Errorf("post %d: status %d", i, status)
			}
			to[i] = location
		})
	}
	wg.Wait()
	for i := range to {
		if to[i] != to[0] {
			t.Errorf("post %d leads to %q, post 0 to %q", i, to[i], to[0])
		}
	}
	return to[0]
}

// TestFivePostsAreOneEffect presses every button of a loan five times at once.
func TestFivePostsAreOneEffect(t *testing.T) {
	c := serve(t)
	b := c.browser()
	b.Open("/")
	effects := func() int { return len(c.ledger.Changes()) }
	step := func(label string, changes int, fields ...string) {
		t.Helper()
		before := effects()
		b.Open(five(t, b, b.Form(label, fields...)))
		if got := effects() - before; got != changes {
			t.Errorf("%q: %d changes, want %d", label, got, changes)
		}
	}
	step("Unlock", 2, "officer", alice, "pin", alicePIN) // the try and the admission
	want(t, b, "tokens in the drawer")
	b.Follow("Type the number")
	step("Find", 1, "number", chanNumber)
	// Confirm, choose and answer.
	step("Phone cannot run the app", 3, "match", "yes", "evidence", "passport")
	c.plug(serial)
	b.Reload()
	step("Turn the screen", 1)
	want(t, b, "I agree")
	step("I agree", 1)
	step("Write and loan", 4, "pin", alicePIN) // the try, the admission, the turn and the write
	c.written()
	c.proven()
	c.registered()
	b.Reload()
	step("No slip", 1)
	want(t, b, "tokens in the drawer")
}

// TestFivePostsOfEndings does the same to the other errands' last button.
func TestFivePostsOfEndings(t *testing.T) {
	for _, errand := range []struct {
		tile, button string
		fields       []string
		to           string
	}{
		{"Return token", "Wipe and return", nil, "/visit/"},
		{"Lost token", "Report lost", nil, "/visit/"},
		{"Undo hand-over", "Wrong token", nil, "/visit/"},
	} {
		t.Run(errand.tile, func(t *testing.T) {
			c := serve(t)
			c.lent()
			c.plug(serial)
			b := c.unlocked(alice, alicePIN)
			c.found(b)
			b.Press(errand.tile, "match", "yes", "evidence", "passport")
			before := len(c.ledger.Changes())
			if to := five(t, b, b.Form(errand.button)); !strings.HasPrefix(to, errand.to) {
				t.Errorf("leads to %q", to)
			}
			if got := len(c.ledger.Changes()) - before; got != 1 {
				t.Errorf("%d changes, want 1", got)
			}
		})
	}
}

// TestFivePostsAtThePort: the token of a loan opens its return once.
func TestFivePostsAtThePort(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.plug(serial)
	b.Reload()
	before := len(c.ledger.Changes())
	b.Open(five(t, b, b.Form("Return this token")))
	want(t, b, "Take this token back")
	if got := len(c.ledger.Changes()) - before; got != 3 { // opened, chosen, and the token told
		t.Errorf("%d changes, want 3", got)
	}
}

// TestAFormOfAnEndedVisit posts old forms again after the end.
func TestAFormOfAnEndedVisit(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	page := b.Page.URL.Path
	mismatch := b.Form("Record and end")
	end := b.Form("End this visit")
	b.Send(end)
	before := len(c.ledger.Changes())

	b.Send(end)
	want(t, b, "tokens in the drawer")
	mismatch.Values.Set("op", strings.Repeat("ab", 16)) // of an older rendering
	b.Send(mismatch)
	if b.Page.Status != http.StatusOK || b.Page.URL.Path != "/ended" {
		t.Errorf("an old form leads to %s, status %d", b.Page.URL, b.Page.Status)
	}
	b.Open(page)
	want(t, b, "tokens in the drawer")
	if got := len(c.ledger.Changes()); got != before {
		t.Errorf("old forms made %d changes", got-before)
	}
}

// TestFormsOutliveARestart posts a form to a screen that has forgotten everything: the store has
// not.
func TestFormsOutliveARestart(t *testing.T) {
	c := newCounter(t)
	stop := c.start()
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	loan := b.Form("No phone", "match", "yes", "evidence", "passport")
	b.Send(loan)
	want(t, b, "Plug a token into the port")
	visit := b.Page.URL.Path
	stop()

	t.Cleanup(c.start())
	b = c.unlockedAnywhere(alice, alicePIN)
	before := len(c.ledger.Changes())
	status, to := b.Deliver(loan)
	if status != http.StatusSeeOther || to != visit {
		t.Errorf("status %d, leads to %q, want %q", status, to, visit)
	}
	if got := len(c.ledger.Changes()); got != before {
		t.Errorf("%d changes", got-before)
	}
}

func TestFormsWithoutAnOp(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	before := len(c.ledger.Changes())
	for _, op := range []string{"", "x", strings.Repeat("g", 32), strings.Repeat("a", 33)} {
		post := b.Form("End this visit")
		post.Values.Set("op", op)
		if status, _ := b.Deliver(post); status != http.StatusBadRequest {
			t.Errorf("op %q: status %d", op, status)
		}
	}
	if got := len(c.ledger.Changes()); got != before {
		t.Errorf("%d changes", got-before)
	}
}
