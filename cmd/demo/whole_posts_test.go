package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
)

// posts is how often a nervous finger presses.
const posts = 5

// TestWholeFivePosts posts every form of a loan, a return and a loss five times, one after another
// and all at once: one effect, and one page that all five lead to.
func TestWholeFivePosts(t *testing.T) {
	t.Parallel()
	for name, deliver := range map[string]func(*whole, kiosktest.Post) []string{
		"in a row": inARow, "at once": atOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, settings{site: "um"}, nil)
			press := func(label string, fields ...string) {
				t.Helper()
				to := deliver(w, w.b.Form(label, fields...))
				for i := range to {
					if to[i] != to[0] || to[i] == "" {
						t.Errorf("%q: post %d leads to %q, post 0 to %q", label, i, to[i], to[0])
					}
				}
				w.b.Open(to[0])
			}
			w.fivePosts(press)
		})
	}
}

func inARow(w *whole, p kiosktest.Post) []string {
	to := make([]string, posts)
	for i := range to {
		to[i] = w.deliver(p)
	}
	return to
}

func atOnce(w *whole, p kiosktest.Post) []string {
	to := make([]string, posts)
	var fingers sync.WaitGroup
	for i := range to {
		fingers.Go(func() { to[i] = w.deliver(p) })
	}
	fingers.Wait()
	return to
}

func (w *whole) deliver(p kiosktest.Post) string {
	status, to := w.b.Deliver(p)
	if status != http.StatusSeeOther {
		w.t.Errorf("post %s %s: status %d", p.Action, p.Values.Get("do"), status)
	}
	return to
}

// fivePosts walks through a loan, a return, a second loan and a loss, and counts what they did.
func (w *whole) fivePosts(press func(label string, fields ...string)) {
	p, key := w.person("CHAN"), w.key(17390102)
	w.b.Open("/")
	press("Unlock", "officer", string(officers[0].id), "pin", w.pin)
	w.says("Type the number")
	w.fiveLoan(press, p)
	if n := key.Sequence(); n != 1 {
		w.t.Errorf("the token was written %d times", n)
	}
	w.counts(1, 1, map[string]int{"active": 1})

	w.errand(p, "Loan details")
	w.b.Follow("Back")
	press("Return token")
	w.sees("Take this token back")
	press("Wipe and return")
	w.sees("The loan is closed.")
	press("Finish")
	// An empty token's sequence is 0 again.
	if n := key.Sequence(); n != 0 || key.Slots()[1].Configured {
		w.t.Errorf("the token was wiped, and its sequence is %d", n)
	}
	w.counts(1, 0, map[string]int{"active": 0, "revoked": 1})

	w.fiveLoan(press, p)
	w.card(p)
	press("Lost token", "match", "yes", "evidence", "university_card")
	press("Report lost")
	w.sees("does not accept it any more")
	press("Finish")
	w.errand(p, "Settle the fee")
	w.b.Follow("Paid")
	press("Record", "reference", "R-1")
	w.sees("The fee is now: Paid.")
	press("Finish")
	w.counts(1, 0, map[string]int{"active": 0, "revoked": 2})
}

// fiveLoan is one loan by number, from the ready page to the ready page.
func (w *whole) fiveLoan(press func(label string, fields ...string), p provisioning.Person) {
	w.t.Helper()
	key := w.key(17390102)
	w.b.Follow("Type the number")
	press("Find", "number", p.Card)
	w.says(p.Name)
	press("Phone cannot run the app", "match", "yes", "evidence", "university_card")
	w.plug(key)
	w.sees("Nothing is written yet")
	press("Turn the screen")
	press("I agree")
	press("Go on", "pin", w.pin)
	press("Write and loan")
	w.sees("Touch the gold disc")
	w.touch(key)
	w.sees("works now")
	press("No slip")
}

// counts compares what there is at the desk and at the verifier.
func (w *whole) counts(tokens, loans int, credentials map[string]int) {
	w.t.Helper()
	w.settled()
	status, err := w.desk.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if status.Tokens != tokens || status.OpenLoans != loans || len(status.Doubtful) != 0 {
		w.t.Errorf("the desk has %d tokens, %d loans, doubts %q; want %d, %d and none",
			status.Tokens, status.OpenLoans, status.Doubtful, tokens, loans)
	}
	for state, want := range credentials {
		if n := w.held(state); n != want {
			w.t.Errorf("%d credentials are %s at the verifier, want %d", n, state, want)
		}
	}
	for v := range provisioning.All[provisioning.Visit](w.desk.Snapshot()) {
		w.t.Errorf("a visit is left at %s", v.Step)
	}
}

// TestWholeWrongPINs: fifty wrong PINs at once are as good as five, and the right one is not taken
// any more. The other officer is not shut out.
func TestWholeWrongPINs(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um"}, nil)
	wrong := "0" + w.pin[1:]
	if wrong == w.pin {
		wrong = "1" + w.pin[1:]
	}
	var thieves sync.WaitGroup
	for range 50 {
		b := kiosktest.New(t, "http://"+w.screen.Addr().String())
		b.Open("/")
		post := b.Form("Unlock", "officer", string(officers[0].id), "pin", wrong)
		thieves.Go(func() {
			if _, to := b.Deliver(post); strings.HasPrefix(to, "/ready") {
				t.Error("a wrong PIN opened the desk")
			}
		})
	}
	thieves.Wait()
	row, _ := provisioning.Get[provisioning.Officer](w.desk.Snapshot(), string(officers[0].id))
	if row.Failures != officer.Tries || !row.LockedUntil.After(time.Now()) {
		t.Errorf("%d tries were taken, locked until %s", row.Failures, row.LockedUntil)
	}
	w.b.Open("/")
	w.b.Press("Unlock", "officer", string(officers[0].id), "pin", w.pin)
	w.says("Too many wrong PINs", "This officer's PIN is not taken")
	w.b.Press("Unlock", "officer", string(officers[1].id), "pin", w.pin)
	w.sees("Place the ID card")
}
