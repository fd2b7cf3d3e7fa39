package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// enough is how long a page may take to say something on a machine that is busy with other tests.
const enough = 30 * time.Second

// whole is the desk with everything around it: an officer at its screen, people with their cards,
// tokens, and the sign-in service. It works as they would, by the words on the screen.
type whole struct {
	*stage
	t    testing.TB
	b    *kiosktest.Browser
	log  *journal
	stop func()
	// home is the bus of people's own computers.
	home *virtual.Bus
}

// begin opens a desk that is locked; before is done first of all, if given.
func begin(t testing.TB, s settings, before func(*stage)) *whole {
	t.Helper()
	w := &whole{t: t, log: &journal{}, home: virtual.NewBus()}
	w.stage, w.stop = openStage(t, s, w.log.logger(), before)
	w.b = kiosktest.New(t, "http://"+w.screen.Addr().String())
	t.Cleanup(func() {
		w.b.Client().CloseIdleConnections() // or stopping waits for them
		w.stop()
		if t.Failed() {
			t.Logf("the log:\n%s", w.log)
		}
	})
	return w
}

// unlocked opens a desk and lets the officer in.
func unlocked(t *testing.T, s settings) *whole {
	t.Helper()
	w := begin(t, s, nil)
	w.unlock()
	return w
}

func (w *whole) unlock() {
	w.t.Helper()
	w.b.Open("/")
	w.b.Press("Unlock", "officer", string(officers[0].id), "pin", w.pin)
	w.sees("Type the number")
}

// person of the sample people, by a part of the name.
func (w *whole) person(name string) provisioning.Person {
	w.t.Helper()
	for _, p := range w.people {
		if strings.Contains(p.Name, name) {
			return p.Person
		}
	}
	w.t.Fatalf("there is no %s", name)
	return provisioning.Person{}
}

// key of the drawer.
func (w *whole) key(serial uint32) *virtual.Key {
	w.t.Helper()
	key, ok := w.tokens.Key(serial)
	if !ok {
		w.t.Fatalf("there is no token %d", serial)
	}
	return key
}

// sees waits until the page says all of these words, as its live region lets a person wait.
func (w *whole) sees(words ...string) {
	w.t.Helper()
	if !w.await(enough, func() bool { return w.missing(words) == "" }) {
		w.t.Fatalf("%s (%s) does not say %q:\n%s", w.b.Page.URL, w.b.Page.Title,
			w.missing(words), w.b.Page.Text)
	}
}

// sooner waits until the page says one of these words, or a moment, and returns it.
func (w *whole) sooner(words ...string) string {
	w.t.Helper()
	w.await(2*time.Second, func() bool { return w.any(words) != "" })
	return w.any(words)
}

// await reloads the page whenever its stream has news, until it is as wanted. A page without a
// stream stays as it is.
func (w *whole) await(patience time.Duration, wanted func() bool) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for !wanted() && w.b.Page.Live != "" && ctx.Err() == nil {
		w.watch(ctx, wanted)
	}
	return wanted()
}

// watch follows one page until it is as wanted, or has no stream any more.
func (w *whole) watch(ctx context.Context, wanted func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range w.b.Listen(ctx, w.b.Page.Live) {
		if w.b.Reload(); wanted() || w.b.Page.Live == "" {
			return
		}
	}
}

func (w *whole) missing(words []string) string {
	for _, word := range words {
		if !w.b.Page.Says(word) {
			return word
		}
	}
	return ""
}

// says fails unless the page, as it is, says all of these words.
func (w *whole) says(words ...string) {
	w.t.Helper()
	if word := w.missing(words); word != "" {
		w.t.Fatalf("%s (%s) does not say %q:\n%s", w.b.Page.URL, w.b.Page.Title, word, w.b.Page.Text)
	}
}

// hides fails if the page says any of these words.
func (w *whole) hides(words ...string) {
	w.t.Helper()
	for _, word := range words {
		if w.b.Page.Says(word) {
			w.t.Fatalf("%s (%s) says %q:\n%s", w.b.Page.URL, w.b.Page.Title, word, w.b.Page.Text)
		}
	}
}

// card lays a person's card on the reader, and waits for their visit.
func (w *whole) card(p provisioning.Person) {
	w.t.Helper()
	w.b.Open("/ready")
	ctx, cancel := context.WithTimeout(w.t.Context(), enough)
	defer cancel()
	if err := w.reader.Tap(ctx, p.Card); err != nil {
		w.t.Fatal(err)
	}
	w.sees(p.Name)
}

// errand checks who stands there, by face and card, and presses a tile.
func (w *whole) errand(p provisioning.Person, tile string) {
	w.t.Helper()
	w.card(p)
	w.b.Press(tile, "match", "yes", "evidence", "university_card")
}

// agree turns the screen, lets the person agree, and turns it back.
func (w *whole) agree() {
	w.t.Helper()
	w.b.Press("Turn the screen")
	w.b.Press("I agree")
	w.b.Press("Go on", "pin", w.pin)
	w.says("Accepted at")
}

// toCheck leads a loan to the page before the write.
func (w *whole) toCheck(p provisioning.Person, key *virtual.Key) {
	w.t.Helper()
	w.errand(p, "Phone cannot run the app")
	w.plug(key)
	w.sees("Nothing is written yet", spelt(key))
}

// toTouch leads a loan to the page that asks for a touch.
func (w *whole) toTouch(p provisioning.Person, key *virtual.Key) {
	w.t.Helper()
	w.toCheck(p, key)
	w.agree()
	w.write()
	w.sees("Touch the gold disc")
}

// write presses the button, which says more when the slot holds something.
func (w *whole) write() {
	w.t.Helper()
	if w.b.Page.Has("Erase, write and loan") {
		w.b.Press("Erase, write and loan")
		return
	}
	w.b.Press("Write and loan")
}

// touch puts a finger on the token in the desk's port until the desk has taken notice, and returns
// what was typed there last. A touch before the desk listens is lost, and no finger is so quick.
func (w *whole) touch(key *virtual.Key) string {
	w.t.Helper()
	for {
		typed := w.press(key)
		if w.sooner("Its code is right", "works now", "The sign-in service is silent") != "" {
			return typed
		}
	}
}

// press puts a finger on the token, wherever it is.
func (w *whole) press(key *virtual.Key) string {
	w.t.Helper()
	typed, err := key.Touch(w.site.Slot)
	if err != nil {
		w.t.Fatal(err)
	}
	return typed
}

// any is the first of these words that the page says.
func (w *whole) any(words []string) string {
	for _, word := range words {
		if w.b.Page.Says(word) {
			return word
		}
	}
	return ""
}

// lend is the whole loan, from the card to the goodbye.
func (w *whole) lend(p provisioning.Person, key *virtual.Key) {
	w.t.Helper()
	w.toTouch(p, key)
	w.touch(key)
	w.sees("registered with the sign-in service and works now", spelt(key))
	w.handOver(key)
}

// handOver gives a lent token to its person, and ends the visit.
func (w *whole) handOver(key *virtual.Key) {
	w.t.Helper()
	w.pull(key)
	w.finish()
}

// finish ends the visit of an errand that is done, or of a loan whose slip nobody wants.
func (w *whole) finish() {
	w.t.Helper()
	if w.b.Page.Has("No slip") {
		w.b.Press("No slip")
	} else {
		w.b.Press("Finish")
	}
	w.sees("Type the number")
}

// typed is what the token types into a sign-in form at home.
func (w *whole) typed(key *virtual.Key) string {
	w.t.Helper()
	w.pull(key)
	w.home.Plug(key)
	defer w.home.Unplug(key)
	return w.press(key)
}

// signIn tries an OTP at the sign-in service, over the network as its callers do.
func (w *whole) signIn(p provisioning.Person, otp string, want bool) {
	w.t.Helper()
	accepted, err := w.central.signIn(w.t.Context(), p.Account, otp)
	if err != nil {
		w.t.Fatal(err)
	}
	if accepted != want {
		w.t.Errorf("the sign-in service says %v to an OTP for %s, want %v", accepted, p.Account, want)
	}
}

// works says that the token signs its person in, once with each OTP.
func (w *whole) works(p provisioning.Person, key *virtual.Key) {
	w.t.Helper()
	otp := w.typed(key)
	w.signIn(p, otp, true)
	w.signIn(p, otp, false)
}

// plug puts a token into the desk's port, and waits until the desk knows it. Hands are slower than
// a test: without the wait a token could come and go unseen.
func (w *whole) plug(key *virtual.Key) {
	w.t.Helper()
	w.tokens.Plug(key)
	w.until("the desk knows the token", func() bool {
		return slices.ContainsFunc(w.desk.Plugs(), func(p provisioning.Plug) bool {
			return p.Info != nil && p.Info.Serial == spelt(key)
		})
	})
}

// pull takes a token out of the desk's port, and waits until the desk has noticed.
func (w *whole) pull(key *virtual.Key) {
	w.t.Helper()
	w.tokens.Unplug(key)
	w.until("the desk has noticed that the token is gone", func() bool {
		return !slices.ContainsFunc(w.desk.Plugs(), func(p provisioning.Plug) bool {
			return p.Info == nil || p.Info.Serial == spelt(key)
		})
	})
}

// settled waits until the sign-in service has everything the desk has published.
func (w *whole) settled() {
	w.t.Helper()
	w.until("the sign-in service has everything", func() bool {
		v, _ := provisioning.Get[provisioning.Verifier](w.desk.Snapshot(),
			provisioning.Verifier{}.Key())
		return v.Acked >= v.Published
	})
}

// until waits for what nothing on the screen tells.
func (w *whole) until(what string, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), enough)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			w.t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// held is how many credentials the verifier has in a state, cut off or not.
func (w *whole) held(state string) int {
	w.t.Helper()
	status, err := w.central.verifier.Status()
	if err != nil {
		w.t.Fatal(err)
	}
	return status.Credentials[state]
}

// spelt is a serial as the screen shows it.
func spelt(key *virtual.Key) string { return strconv.FormatUint(uint64(key.Serial()), 10) }

// TestWholeLoan: from the ID card to a code that the verifier accepts once, in both universities.
func TestWholeLoan(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		site, person, money string
		due                 int
	}{{"um", "CHAN", "MOP$235.00", 180}, {"unimas", "AISYAH", "", 365}} {
		t.Run(at.site, func(t *testing.T) {
			t.Parallel()
			w := unlocked(t, settings{site: at.site})
			p, key := w.person(at.person), w.key(17390102)
			due := time.Now().In(w.site.Location).AddDate(0, 0, at.due).Format("2 January 2006")
			w.toCheck(p, key)
			w.says(due)
			if at.money == "" {
				w.hides("MOP$", "replacement fee")
			} else {
				w.says(at.money)
			}
			w.agree()
			w.write()
			w.sees("Touch the gold disc")
			first := w.touch(key)
			w.sees("registered with the sign-in service and works now", due)
			w.b.Press("No slip")

			w.signIn(p, first, false)
			w.works(p, key)
			w.works(p, key)
		})
	}
}
