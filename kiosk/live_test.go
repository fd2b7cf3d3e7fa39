package kiosk_test

import (
	"context"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// next waits for the next event that is not a comment.
func next(t *testing.T, events <-chan kiosktest.Event) kiosktest.Event {
	t.Helper()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatal("the stream ended")
			}
			if e.Name != "" {
				return e
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no event")
		}
	}
}

// ends waits for the end of a stream.
func ends(t *testing.T, events <-chan kiosktest.Event) {
	t.Helper()
	for {
		select {
		case _, more := <-events:
			if !more {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the stream goes on")
		}
	}
}

func TestLiveBeginsWithTheWholeStateAndGoesOn(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := b.Listen(ctx, b.Page.Live)
	first := next(t, events)
	if first.Name != "fragment" || !strings.Contains(first.Data, "7 tokens in the drawer") {
		t.Fatalf("first event: %+v", first)
	}
	c.mu.Lock()
	c.health.DirectoryUp = false
	c.mu.Unlock()
	c.bump()
	second := next(t, events)
	if second.Name != "fragment" || second.Data == first.Data {
		t.Fatalf("second event: %+v", second)
	}
	c.mu.Lock()
	c.health.DirectoryUp = true
	c.mu.Unlock()
	c.taps <- devices.Tap{Number: chanCard}
	third := next(t, events)
	for third.Name == "fragment" {
		third = next(t, events)
	}
	if third.Name != "goto" || third.Data != "/visit/"+string(c.visit().ID) {
		t.Fatalf("third event: %+v", third)
	}
	one, _ := strconv.Atoi(first.ID)
	two, _ := strconv.Atoi(second.ID)
	three, _ := strconv.Atoi(third.ID)
	if one >= two || two >= three {
		t.Errorf("ids %d, %d, %d do not rise", one, two, three)
	}
	ends(t, events)
}

// TestLiveFragmentsAreThePagesOwn: what the stream sends is what a reload would show, op included.
func TestLiveFragmentsAreThePagesOwn(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.lent()
	c.plug(serial)
	b.Reload()
	events := b.Listen(t.Context(), b.Page.Live)
	if e := next(t, events); !strings.Contains(b.Page.HTML, e.Data) {
		t.Errorf("the page does not hold the fragment:\n%s\n%s", b.Page.HTML, e.Data)
	}
}

func TestLiveFollowsAWrite(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.writing(b)
	events := b.Listen(t.Context(), b.Page.Live)
	said := func(words string) {
		t.Helper()
		for e := next(t, events); ; e = next(t, events) {
			if e.Name != "fragment" {
				t.Fatalf("event %+v while waiting for %q", e, words)
			}
			if strings.Contains(e.Data, words) {
				return
			}
		}
	}
	// Waiting for a touch counts down, and nothing else of a write does: so it is another page.
	goesOn := func(words string) {
		t.Helper()
		if e := next(t, events); e.Name != "goto" || e.Data != b.Page.URL.Path {
			t.Fatalf("event %+v while waiting for %q", e, words)
		}
		b.Reload()
		want(t, b, words)
		events = b.Listen(t.Context(), b.Page.Live)
		said(words)
	}
	said("Writing")
	c.written()
	goesOn("Touch the gold disc")
	v := c.visit()
	v.Problem = provisioning.CodeOTPUnknown
	c.put(v)
	said("Touch the gold disc once more")
	c.proven()
	goesOn("Its code is right")
	c.registered()
	if e := next(t, events); e.Name != "goto" || e.Data != b.Page.URL.Path {
		t.Errorf("at the end: %+v", e)
	}
}

// watch listens to what a page without a live region is told.
func watch(t *testing.T, b *kiosktest.Browser) <-chan kiosktest.Event {
	t.Helper()
	m := watched.FindStringSubmatch(b.Page.HTML)
	if m == nil {
		t.Fatalf("%s watches nothing", b.Page.URL)
	}
	return b.Listen(t.Context(), html.UnescapeString(m[1]))
}

var watched = regexp.MustCompile(`data-watch="([^"]+)"`)

// TestAPageIsToldThatItIsOver: a token pulled out before the write, and another unlocking.
func TestAPageIsToldThatItIsOver(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.checking(b)
	events := watch(t, b)
	v := c.visit()
	v.Step, v.Token = provisioning.StepPlug, ""
	c.put(v)
	if e := next(t, events); e.Name != "goto" || e.Data != b.Page.URL.Path {
		t.Errorf("event %+v", e)
	}
	ends(t, events)

	b.Reload()
	b.Press("Back to choices")
	events = watch(t, b)
	c.unlocked(bob, bobPIN)
	if e := next(t, events); e.Name != "goto" || e.Data != "/" {
		t.Errorf("event %+v", e)
	}
}

// TestATapThatIsNotReadIsSaid: during another visit, and on a locked desk, at once.
func TestATapThatIsNotReadIsSaid(t *testing.T) {
	c := serve(t)
	locked := c.browser()
	locked.Open("/")
	events := watch(t, locked)
	c.taps <- devices.Tap{Number: chanCard}
	if e := next(t, events); e.Name != "goto" || e.Data != "/" {
		t.Errorf("event %+v", e)
	}
	locked.Reload()
	p := sentence(t, kiosk.CodeTapLocked)
	want(t, locked, p.Happened, p.Done)

	b := c.unlocked(alice, alicePIN)
	c.found(b)
	events = watch(t, b)
	c.taps <- devices.Tap{Number: chanCard} // of the person who stands there
	c.taps <- devices.Tap{Number: "CARD0002"}
	if e := next(t, events); e.Name != "goto" || e.Data != b.Page.URL.Path {
		t.Errorf("event %+v", e)
	}
	b.Reload()
	p = sentence(t, kiosk.CodeTapBusy)
	want(t, b, p.Happened, p.Done)
	b.Press("No phone", "match", "yes", "evidence", "passport")
	wantNot(t, b, p.Happened)
}

func TestLockingEndsTheStreamOfThePage(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	events := b.Listen(t.Context(), b.Page.Live)
	next(t, events)
	b.Press("Lock")
	if e := next(t, events); e.Name != "goto" || e.Data != "/" {
		t.Errorf("event %+v", e)
	}
	ends(t, events)
}

// TestNothingOutlivesRun: streams end when Run does, and leave no goroutine behind.
func TestNothingOutlivesRun(t *testing.T) {
	old := goleak.IgnoreCurrent()
	c := newCounter(t)
	stop := c.start()
	b := c.unlocked(alice, alicePIN)
	ctx, cancel := context.WithCancel(context.Background())
	var all []<-chan kiosktest.Event
	for range 3 {
		events := b.Listen(ctx, b.Page.Live)
		next(t, events)
		all = append(all, events)
	}
	stop()
	for _, events := range all {
		ends(t, events)
	}
	cancel()
	b.Client().CloseIdleConnections()
	goleak.VerifyNone(t, old)
}

func TestTooManyStreamsMakeRoom(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	first := b.Listen(t.Context(), b.Page.Live)
	next(t, first)
	for range 4 {
		next(t, b.Listen(t.Context(), b.Page.Live))
	}
	ends(t, first)
}

// TestNoSecretTravels: neither a PIN nor anything typed is in a stream or a page.
func TestNoSecretTravels(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	events := b.Listen(t.Context(), b.Page.Live)
	if e := next(t, events); strings.Contains(e.Data, alicePIN) {
		t.Error("a PIN is in the stream")
	}
	if strings.Contains(c.logs.String(), alicePIN) {
		t.Error("a PIN is in the log")
	}
	for _, change := range c.ledger.Changes() {
		for name, value := range change.Entry().Detail {
			if value == alicePIN {
				t.Errorf("a PIN is in the entry's %s", name)
			}
		}
	}
}
