package kiosk_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
)

// keyed is a desk where no PIN alone is enough, and where Alice and Bob have tokens of their own.
type keyed struct {
	*counter
	test *testing.T
	bus  *virtual.Bus
	keys map[string]*virtual.Key
}

func serveKeyed(t *testing.T) *keyed {
	t.Helper()
	t.Parallel()
	c := &keyed{counter: newCounter(t), test: t, bus: virtual.NewBus(), keys: map[string]*virtual.Key{}}
	bench := yubikey.NewBench(c.bus, yubikey.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- bench.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	officers := officer.New(c.ledger, "desk", func() (time.Time, bool) { return c.now(), true },
		officer.Tokens{Bench: bench})
	c.config.Officers = officers
	for i, who := range []string{alice, bob} {
		c.keys[who] = virtual.New(virtual.Options{Serial: uint32(55555551 + i)})
		c.hasOnLoan(who)
		c.bus.Plug(c.keys[who])
		enrolled := make(chan error)
		go func() {
			enrolled <- officers.Enrol(ctx, provisioning.OfficerID(who), false,
				func(provisioning.KeyWait) {})
		}()
		c.touch(who)
		if err := <-enrolled; err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(c.start())
	return c
}

// hasOnLoan lends an officer their token, as the ordinary flow did.
func (c *keyed) hasOnLoan(who string) {
	id := provisioning.TokenInfo{Vendor: "yubikey",
		Serial: strconv.Itoa(int(c.keys[who].Serial()))}.ID()
	c.put(provisioning.Token{ID: id, Serial: provisioning.SerialOf(id), Slot: 2,
		State: provisioning.TokenLoaned},
		provisioning.Loan{ID: provisioning.LoanID("loan-" + who), Token: id,
			Person: provisioning.PersonID("staff-" + who), State: provisioning.LoanOpen})
}

// touch is a finger on the token as soon as its light blinks.
func (c *keyed) touch(who string) {
	c.t.Helper()
	eventually(c.test, who+"'s token waits", c.keys[who].Waiting)
	if _, err := c.keys[who].Touch(1); err != nil {
		c.t.Fatal(err)
	}
}

// sees reloads until the page says so, as a browser without scripts does.
func sees(t *testing.T, b *kiosktest.Browser, words string) {
	t.Helper()
	eventually(t, words, func() bool { return b.Page.Says(words) || b.Reload().Says(words) })
}

// touched is a browser that Alice unlocked, with PIN and touch.
func (c *keyed) touched() *kiosktest.Browser {
	c.t.Helper()
	b := c.browser()
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	want(c.test, b, "Touch your token")
	c.touch(alice)
	eventually(c.test, "unlocked", func() bool { b.Reload(); return b.Page.URL.Path == "/ready" })
	return b
}

func TestUnlockingNeedsPINAndToken(t *testing.T) {
	c := serveKeyed(t)
	c.plug(strconv.Itoa(int(c.keys[bob].Serial())))
	b := c.browser()
	b.Open("/")
	want(t, b, "Their token is plugged in")
	b.Press("Unlock", "pin", alicePIN) // the plugged token has picked Bob
	want(t, b, sentence(t, officer.CodePINWrong, "left", "4").Happened)
	b.Press("Unlock", "officer", carol, "pin", carolPIN)
	want(t, b, sentence(t, officer.CodeKeyNone).Happened)

	c.bus.Unplug(c.keys[alice])
	time.Sleep(300 * time.Millisecond) // the bench notices
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	want(t, b, "Unlock the desk", "Plug in your token")
	wantNot(t, b, "Alice", "Lock ")
	for _, path := range []string{"/ready", "/tokens"} {
		if b.Open(path); b.Page.URL.Path != "/" {
			t.Errorf("%s is open to a PIN alone", path)
		}
	}
	c.bus.Plug(c.keys[alice])
	b.Open("/touch")
	sees(t, b, "Touch your token")
	b.Press("Cancel")
	if b.Open("/touch"); b.Page.URL.Path != "/" {
		t.Errorf("what was called off leads to %s", b.Page.URL)
	}
	eventually(t, "the token waits no more", func() bool { return !c.keys[alice].Waiting() })
	o, _ := provisioning.Get[provisioning.Officer](c.Snapshot(), alice)
	if o.Failures != 0 {
		t.Errorf("what was called off counts as %d tries", o.Failures)
	}
	b = c.touched()
	want(t, b, "Alice Officer")
}

// TestATouchIsForNow: a screen that was left alone opens nothing to whoever finds it later.
func TestATouchIsForNow(t *testing.T) {
	c := serveKeyed(t)
	b := c.browser()
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	used := provisioning.OfficerKey{}
	before, _ := provisioning.Get[provisioning.OfficerKey](c.Snapshot(), alice)
	c.touch(alice)
	eventually(t, "the answer is taken", func() bool {
		used, _ = provisioning.Get[provisioning.OfficerKey](c.Snapshot(), alice)
		return used.Next != before.Next
	})
	time.Sleep(50 * time.Millisecond) // and the screen told
	c.pass(time.Minute)
	for _, path := range []string{"/touch", "/ready"} {
		if b.Open(path); b.Page.URL.Path != "/" {
			t.Errorf("a minute later %s is open", path)
		}
	}
}

// TestStreamsFollowTheTouch: the page needs no finger on the screen, and its stream no reload.
func TestStreamsFollowTheTouch(t *testing.T) {
	c := serveKeyed(t)
	b := c.browser()
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events := b.Listen(ctx, b.Page.Live)
	if first := <-events; first.Name != "fragment" {
		t.Errorf("the first event is %+v", first)
	}
	c.touch(alice)
	for e := range events {
		if e.Name == "goto" {
			if b.Open(e.Data); b.Page.URL.Path != "/ready" {
				t.Errorf("the touch leads to %s", b.Page.URL)
			}
			return
		}
	}
	t.Error("the stream ended without saying where to go")
}

func TestVoidingNeedsATouch(t *testing.T) {
	c := serveKeyed(t)
	c.lent()
	b := c.touched()
	c.found(b)
	b.Press("Undo hand-over", "match", "yes", "evidence", "passport")
	page := b.Page.URL.RequestURI()
	open := func() bool {
		_, open := provisioning.OpenLoan(c.Snapshot(), chanNumber)
		return open
	}
	b.Press("Wrong person")
	want(t, b, "Undo a hand-over", "Touch your token")
	b.Press("Cancel")
	if b.Page.URL.RequestURI() != page || !open() {
		t.Fatalf("called off, it leads to %s; open %v", b.Page.URL, open())
	}
	post := b.Form("Wrong person")
	for range 3 { // the same form is one act
		if _, to := b.Deliver(post); to != "/touch" {
			t.Errorf("the form leads to %s", to)
		}
	}
	c.touch(alice)
	b.Open("/touch")
	sees(t, b, "Hand-over undone")
	if open() {
		t.Error("the loan is still open")
	}
	if b.Open("/touch"); b.Page.URL.Path == "/touch" {
		t.Error("there still is something to touch for")
	}
}

// TestWhoTakesTheCounterEndsTheTouch: what was asked for by one officer is not done once another
// has the desk.
func TestWhoTakesTheCounterEndsTheTouch(t *testing.T) {
	c := serveKeyed(t)
	c.lent()
	b := c.touched()
	c.found(b)
	b.Press("Undo hand-over", "match", "yes", "evidence", "passport")
	b.Press("Wrong person")
	other := c.browser()
	other.Open("/")
	other.Press("Unlock", "officer", bob, "pin", bobPIN)
	c.touch(bob)
	eventually(t, "Bob is in", func() bool { return other.Reload().URL.Path == "/ready" })
	c.touch(alice)
	eventually(t, "it is over", func() bool { b.Open("/touch"); return b.Page.URL.Path != "/touch" })
	if b.Page.URL.Path != "/" || c.loan(t).State != provisioning.LoanOpen {
		t.Errorf("it leads to %s, the loan is %s", b.Page.URL, c.loan(t).State)
	}
}

func TestOwnTokenPage(t *testing.T) {
	c := serveKeyed(t)
	b := c.touched()
	b.Follow("Your own token")
	want(t, b, "This token is your key", strconv.Itoa(int(c.keys[alice].Serial())))
	c.put(provisioning.Loan{ID: "loan-alice", Person: "staff-alice", State: provisioning.LoanReturned})
	b.Open("/key")
	want(t, b, "You have no token as your key", "Have another officer lend you a token")
	post := kiosktest.Post{Action: "/key", Values: b.Form("Lock").Values}
	post.Values.Set("do", "enrol")
	post.Values.Set("op", "00000000000000000000000000000abc")
	b.Send(post)
	want(t, b, sentence(t, officer.CodeKeyNotLent).Happened)
}
