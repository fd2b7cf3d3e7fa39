package kiosk_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestACardDuringAVisit: the person's own, by whichever of its numbers, is left alone; any other is
// said not to be read; and the visit stays theirs.
func TestACardDuringAVisit(t *testing.T) {
	for name, card := range map[string]struct {
		number string
		said   bool
		looks  int
	}{
		"the card's number":    {chanCard, false, 0},
		"the same with spaces": {chanCard[:4] + " " + chanCard[4:], false, 0},
		"the person's number":  {chanNumber, false, 0},
		"the chip's number":    {"04A1B2C3D4E580", false, 1},
		"another person's":     {"CARD0002", true, 1},
		"an unknown card":      {"0000", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t)
			c.people["04A1B2C3D4E580"] = c.people[chanNumber]
			c.people["CARD0002"] = provisioning.Person{ID: "AB2", Name: "LEI Chi Fong",
				Role: "student", Account: "lei", Card: "CARD0002"}
			b := c.unlocked(alice, alicePIN)
			c.found(b)
			id, asked := c.visit().ID, c.asked()
			c.taps <- devices.Tap{Number: card.number}
			eventually(t, "the directory is asked", func() bool { return c.asked() == asked+card.looks })
			p := sentence(t, kiosk.CodeTapBusy)
			if card.said {
				eventually(t, "the note", func() bool { b.Reload(); return b.Page.Says(p.Happened) })
			}
			// The next tap is only taken once this one was.
			c.taps <- devices.Tap{Number: chanCard}
			if b.Reload(); !card.said {
				wantNot(t, b, p.Happened)
			}
			want(t, b, "CHAN Lok Ching")
			if c.visit().ID != id || c.visitCount() != 1 {
				t.Error("the card changed the visit")
			}
		})
	}
}

// asked is how often the directory was asked.
func (c *counter) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.finds)
}
