package kiosk_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices/printer"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// printed is a counter with a printer of its own, and a loan just done there.
func printed(t *testing.T, p func(*virtual.Paper, printer.Printer) printer.Printer) (
	*counter, *virtual.Paper, *kiosktest.Browser,
) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	paper := virtual.NewPaper(576)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- paper.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	real, err := printer.Open(printer.Options{Kind: "escpos", Address: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	c := newCounter(t)
	c.config.Printer = p(paper, real)
	t.Cleanup(c.start())
	b := c.unlocked(alice, alicePIN)
	c.writing(b)
	c.written()
	c.proven()
	c.registered()
	b.Reload()
	return c, paper, b
}

func (c *counter) openLoans() int {
	n := 0
	for l := range provisioning.All[provisioning.Loan](c.Snapshot()) {
		if l.State == provisioning.LoanOpen {
			n++
		}
	}
	return n
}

func asIs(_ *virtual.Paper, p printer.Printer) printer.Printer { return p }

// TestOutOfPaperChangesNothing: the loan stands, the screen says so, and once there is paper the
// same button prints the slip and ends the visit.
func TestOutOfPaperChangesNothing(t *testing.T) {
	c, paper, b := printed(t, asIs)
	if strings.Contains(b.Page.HTML, "data-print") {
		t.Error("the browser would print, too")
	}
	paper.SetOut(true)
	before := c.Snapshot().Position()
	b.Press("Print slip")
	want(t, b, "The printer is out of paper", "Everything else is done and stands.", "Print slip")
	if c.openLoans() != 1 || c.Snapshot().Position() != before {
		t.Error("something changed")
	}
	paper.SetOut(false)
	if len(paper.Slips()) != 0 || paper.Hanging() != 0 {
		t.Error("something came out by itself")
	}
	b.Press("Print slip")
	want(t, b, "7 tokens in the drawer")
	if len(paper.Slips()) != 1 || c.visitCount() != 0 {
		t.Errorf("%d slips, %d visits", len(paper.Slips()), c.visitCount())
	}
}

// broken fails as it is told to.
type broken struct{ error }

func (b broken) Print(context.Context, printer.Slip) error { return b.error }

func (b broken) Status(context.Context) (printer.Status, error) { return printer.Status{}, b.error }

func TestWhatAPrinterSaysNoWith(t *testing.T) {
	for code, err := range map[provisioning.Code]error{
		"printer_paper":       &printer.Fault{Err: printer.ErrNoPaper, Out: printer.OutPart},
		"printer_cover":       &printer.Fault{Err: printer.ErrCover, Out: printer.OutNothing},
		"printer_off":         &printer.Fault{Err: printer.ErrOffline, Out: printer.OutNothing},
		"printer_paper_later": &printer.Fault{Err: printer.ErrNoPaper, Out: printer.OutUnknown},
		"printer_unknown":     &printer.Fault{Err: printer.ErrOffline, Out: printer.OutUnknown},
		"printer_failed":      errors.New("on fire"),
	} {
		c, _, b := printed(t, func(*virtual.Paper, printer.Printer) printer.Printer {
			return broken{err}
		})
		b.Press("Print slip")
		p := sentence(t, code)
		want(t, b, p.Happened, p.Done, p.Todo)
		if c.openLoans() != 1 {
			t.Errorf("%s: the loan does not stand", code)
		}
		b.Press("No slip")
		if c.visitCount() != 0 {
			t.Errorf("%s: the visit cannot be ended", code)
		}
	}
}

// kept keeps what it is to print.
type kept struct{ slips []printer.Slip }

func (k *kept) Print(_ context.Context, s printer.Slip) error {
	k.slips = append(k.slips, s)
	return nil
}

func (k *kept) Status(context.Context) (printer.Status, error) { return printer.Status{}, nil }

// TestSlipIsInThePersonsLanguage, whatever the officer's is, and has no name on it.
func TestSlipIsInThePersonsLanguage(t *testing.T) {
	for _, lang := range append([]string{""}, pages.Langs()...) {
		k := &kept{}
		c, _, b := printed(t, func(*virtual.Paper, printer.Printer) printer.Printer { return k })
		person := c.people[chanNumber]
		person.Lang = lang
		c.put(person)
		b.Reload()
		b.Press("Print slip")
		if len(k.slips) != 1 {
			t.Fatalf("%q: %d slips", lang, len(k.slips))
		}
		s := k.slips[0]
		if want := pages.Text(lang, "paper.loan"); s.Title != want {
			t.Errorf("%q: the title is %q, want %q", lang, s.Title, want)
		}
		said := strings.Join(append(s.Text, s.Title, s.Lead), " ")
		for _, l := range s.Lines {
			said += l.Label + l.Value
		}
		if strings.Contains(said, "CHAN") || len(s.Codes) != 0 || !strings.Contains(said, serial) {
			t.Errorf("%q: %s", lang, said)
		}
	}
}
