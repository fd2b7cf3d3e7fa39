package kiosk_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/printer"
	"github.com/tokendesk/tokendesk/kiosk"
)

// tray is a printer that remembers what it printed, or has no paper.
type tray struct {
	mu    sync.Mutex
	empty bool
	paper []string
}

// Print implements kiosk.Printer.
func (p *tray) Print(_ context.Context, s printer.Slip) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.empty {
		return &printer.Fault{Err: printer.ErrNoPaper}
	}
	for _, code := range s.Codes {
		p.paper = append(p.paper, string(code.Expose()))
	}
	return nil
}

// TestPrintingAPasscode: what the person looks at comes out on paper, only then, and a printer
// without paper takes nothing back.
func TestPrintingAPasscode(t *testing.T) {
	c, tray := newCounter(t), &tray{}
	c.config.Printer = tray
	t.Cleanup(c.start())
	b := c.unlocked(alice, alicePIN)
	c.reading(b)
	slip := b.Form("Print a slip")
	b.Send(slip)
	want(t, b, "The slip is printed.", spelled(c.digits()[0]))
	if !slices.Equal(tray.paper, c.digits()) {
		t.Errorf("%d codes on paper", len(tray.paper))
	}
	tray.empty = true
	b.Press("Print a slip")
	p := sentence(t, kiosk.CodePrinterPaper)
	want(t, b, p.Happened, p.Done, spelled(c.digits()[0]))
	b.Press("Hide now")
	if b.Page.Has("Print a slip") {
		t.Error("what is hidden can be printed")
	}
	tray.empty = false
	slip.Values.Set("op", strings.Repeat("d", 32))
	b.Send(slip)
	if len(tray.paper) != 1 {
		t.Error("what is hidden was printed")
	}
	b.Press("Show it again")
	c.pass(31 * time.Second)
	slip.Values.Set("op", strings.Repeat("e", 32))
	b.Send(slip)
	if len(tray.paper) != 1 {
		t.Error("what hid by itself was printed")
	}
	want(t, b, "Show it again")
	b.Press("I have it, finish")
}

// TestWithoutAPrinterNothingIsOffered: the browser is not asked to print a passcode.
func TestWithoutAPrinterNothingIsOffered(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.reading(b)
	if b.Page.Has("Print a slip") || strings.Contains(b.Page.HTML, "data-print") {
		t.Error("a slip is offered")
	}
}
