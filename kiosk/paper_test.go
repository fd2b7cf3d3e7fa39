package kiosk

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices/printer"
	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// tray keeps what it is to print.
type tray struct{ slips []printer.Slip }

func (k *tray) Print(_ context.Context, s printer.Slip) error {
	k.slips = append(k.slips, s)
	return nil
}

// TestPasscodeSlip: the paper of a passcode says everything in the person's language, and the code
// is in it in no way that prints by mistake.
func TestPasscodeSlip(t *testing.T) {
	um, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	out := &tray{}
	s := &Server{site: um, printer: out}
	titles := map[string]bool{}
	for _, lang := range pages.Langs() {
		paper := passcodePaper{Lang: lang, Codes: []secret.Passcode{secret.NewPasscode("482913057")},
			Until: "26 November 2026, 10:14", Reference: "7K2Q9M"}
		if err := s.printSlip(t.Context(), s.passcodeSlip(paper)); err != nil {
			t.Fatal(err)
		}
		slip := out.slips[len(out.slips)-1]
		titles[slip.Title] = true
		if all := fmt.Sprintf("%+v", slip); strings.Contains(all, "482913057") ||
			strings.Contains(all, "paper.") || strings.Contains(all, "slip.") {
			t.Errorf("%s: %s", lang, all)
		}
		if len(slip.Codes) != 1 || slip.Lines[1].Value != pages.Text(lang, "paper.any") {
			t.Errorf("%s: %+v", lang, slip.Lines)
		}
	}
	if len(titles) != len(pages.Langs()) {
		t.Errorf("titles %v: not one in each language", titles)
	}
}
