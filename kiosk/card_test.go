package kiosk_test

import (
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestACardWithoutANumberIsSaid: why a card gave none is on the screen at once, on the ready page
// and during a visit, and nobody is looked up.
func TestACardWithoutANumberIsSaid(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	for _, why := range devices.Whys() {
		c.taps <- devices.Tap{Why: why}
		p := sentence(t, provisioning.Code(why))
		eventually(t, "the note", func() bool { return b.Open("/ready").Says(p.Happened) })
		want(t, b, p.Done, p.Todo)
	}
	if len(c.finds) != 0 || c.visitCount() != 0 {
		t.Error("somebody was looked up")
	}
	c.found(b)
	id := c.visit().ID
	c.taps <- devices.Tap{Why: devices.WhyRandom}
	p := sentence(t, provisioning.Code(devices.WhyRandom))
	eventually(t, "the note", func() bool { b.Reload(); return b.Page.Says(p.Happened) })
	if c.visit().ID != id {
		t.Error("a card without a number changed the visit")
	}
}

// TestAReaderThatIsDownIsSaid: the page in front of the officer follows.
func TestAReaderThatIsDownIsSaid(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	b.Open("/ready")
	want(t, b, "Card reader")
	wantNot(t, b, "No card reader")
	events := b.Listen(t.Context(), b.Page.Live)
	next(t, events)
	c.mu.Lock()
	c.unplugged = true
	c.mu.Unlock()
	c.bump()
	if e := next(t, events); e.Name != "fragment" || !strings.Contains(e.Data, "No card reader") {
		t.Errorf("event %+v", e)
	}
}
