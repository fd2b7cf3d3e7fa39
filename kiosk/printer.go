package kiosk

import (
	"context"
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/devices/printer"
	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Printer puts slips on paper. *printer.Fault says why one did not come out.
type Printer interface {
	// Print returns nil once the slip is on paper.
	Print(ctx context.Context, s printer.Slip) error
}

// What a printer says no with. Whatever was issued stands in every case.
const (
	CodePrinterPaper provisioning.Code = "printer_paper"
	CodePrinterCover provisioning.Code = "printer_cover"
	CodePrinterOff   provisioning.Code = "printer_off"
	// CodePrinterPaperLater and CodePrinterUnknown: the slip may yet come out, or is out already.
	CodePrinterPaperLater provisioning.Code = "printer_paper_later"
	CodePrinterUnknown    provisioning.Code = "printer_unknown"
	// CodePrinterFailed is anything else; the log has it.
	CodePrinterFailed provisioning.Code = "printer_failed"
)

var printerCodes = []provisioning.Code{CodePrinterPaper, CodePrinterCover, CodePrinterOff,
	CodePrinterPaperLater, CodePrinterUnknown, CodePrinterFailed}

// printTime bounds a slip, with somebody waiting for it at the counter.
const printTime = 25 * time.Second

// printSlip prints, even if the browser leaves. It refuses with one of the codes above and never
// tries again by itself: the first try may have come out.
func (s *Server) printSlip(ctx context.Context, slip printer.Slip) error {
	if s.printer == nil {
		return provisioning.Refuse(CodePrinterOff)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), printTime)
	defer cancel()
	err := s.printer.Print(ctx, slip)
	if err == nil {
		return nil
	}
	s.log.WarnContext(ctx, "printer", "err", err)
	return provisioning.Refuse(printerCode(err))
}

func printerCode(err error) provisioning.Code {
	unknown := errors.Is(err, printer.ErrUnknownOutcome)
	switch {
	case errors.Is(err, printer.ErrNoPaper) && unknown:
		return CodePrinterPaperLater
	case unknown:
		return CodePrinterUnknown
	case errors.Is(err, printer.ErrNoPaper):
		return CodePrinterPaper
	case errors.Is(err, printer.ErrCover):
		return CodePrinterCover
	case errors.Is(err, printer.ErrOffline):
		return CodePrinterOff
	}
	return CodePrinterFailed
}

// print prints the slip of a finished loan, in the person's language, and ends the visit. A desk
// without a printer of its own leaves the printing to the browser.
func (a act) print() (string, error) {
	f := factsOf(a.s.visits.Snapshot(), a.visit)
	if a.s.printer == nil || !hasSlip(f) {
		return a.end()
	}
	sc := a.s.scenery(a.r, a.here())
	if err := a.s.printSlip(a.r.Context(), loanSlip(slipOf(sc, f))); err != nil {
		return "", err
	}
	return a.end()
}

// slipLang is the language of a person's paper: theirs, or else that of the page it is printed
// from.
func slipLang(sc scenery, person provisioning.Person) string {
	if lang := oneOf(person.Lang, pages.Langs()...); lang != "" {
		return lang
	}
	return sc.frame.Lang
}

// loanSlip is the paper of a loan as the printer takes it.
func loanSlip(s pages.Slip) printer.Slip {
	say := func(k pages.Key) string { return pages.Text(s.Lang, k) }
	slip := printer.Slip{Site: s.Site, Desk: s.Desk, Title: say("paper.loan"),
		HoursTitle: say("paper.hours"), Hours: pages.HoursLines(s.Lang, s.Hours)}
	slip.Lines = []printer.Line{{Label: say("slip.token"), Value: s.Serial, Big: true},
		{Label: say("slip.reference"), Value: s.Reference, Big: true}}
	for _, l := range []printer.Line{{Label: say("slip.due"), Value: s.Due},
		{Label: say("slip.fee"), Value: s.Fee}, {Label: say("slip.at"), Value: s.At}} {
		if l.Value != "" {
			slip.Lines = append(slip.Lines, l)
		}
	}
	if s.Waiting {
		slip.Title, slip.Lead = say("paper.pick_up"), say("slip.waiting")
	} else {
		slip.Text = append(slip.Text, say("slip.use"))
	}
	slip.Text = append(slip.Text, say("slip.lost"))
	return slip
}

// passcodePaper is what a paper with passcodes says. The codes are the caller's, who wipes them.
type passcodePaper struct {
	// Lang is the person's language.
	Lang  string
	Codes []secret.Passcode
	// Until is the end as words of that language, Uses the number of uses of each code, 0 any number.
	Until     string
	Uses      int
	Reference string
}

// passcodeSlip is the paper of passcodes as the printer takes it: the codes, and no name.
func (s *Server) passcodeSlip(p passcodePaper) printer.Slip {
	say := func(k pages.Key) string { return pages.Text(p.Lang, k) }
	slip := printer.Slip{Site: s.site.Name, Desk: s.site.Desk, Title: say("paper.passcode"),
		Lead: say("paper.passcode_use"), Codes: p.Codes,
		Text:       []string{say("paper.passcode_secret"), say("paper.passcode_lost")},
		HoursTitle: say("paper.hours"), Hours: pages.HoursLines(p.Lang, hours(s.site))}
	if len(p.Codes) > 1 {
		slip.Title = say("paper.passcodes")
	}
	slip.Lines = []printer.Line{{Label: say("paper.until"), Value: p.Until},
		{Label: say("paper.uses"), Value: pages.Uses(p.Lang, p.Uses)},
		{Label: say("slip.reference"), Value: p.Reference, Big: true}}
	return slip
}
