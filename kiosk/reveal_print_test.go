package kiosk_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices/printer"
	"github.com/tokendesk/tokendesk/kiosk/pages"
)

// reads keeps the codes of what it is to print: the caller wipes its own.
type reads struct{ codes []string }

// Print implements kiosk.Printer.
func (k *reads) Print(_ context.Context, s printer.Slip) error {
	for _, code := range s.Codes {
		k.codes = append(k.codes, string(code.Expose()))
	}
	return nil
}

// TestAPersonPrintsTheirPasscode: what is on paper is what is on the screen, nothing but paper
// changes, and a screen that shows nothing prints nothing.
func TestAPersonPrintsTheirPasscode(t *testing.T) {
	k := &reads{}
	c := newCounter(t)
	c.config.Printer = k
	t.Cleanup(c.start())
	b := c.unlocked(alice, alicePIN)
	c.reading(b)
	before := c.Snapshot().Position()
	b.Press(pages.Text("en", "reveal.print"))
	if strings.Join(k.codes, " ") != strings.Join(c.digits(), " ") || len(k.codes) == 0 {
		t.Error("something else is on paper")
	}
	if c.Snapshot().Position() != before {
		t.Error("printing changed something")
	}
	want(t, b, spelled(k.codes[0]))
}
