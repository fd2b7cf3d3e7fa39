package kiosk_test

import (
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/notice"
	"github.com/tokendesk/tokendesk/provisioning/officer"
)

// TestEveryRefusalHasItsSentence: whatever says no, the screen says what happened, what was and
// was not done, and what to do.
func TestEveryRefusalHasItsSentence(t *testing.T) {
	codes := append(provisioning.Codes(), kiosk.Codes()...)
	codes = append(codes, officer.Codes()...)
	codes = append(codes, directory.Codes()...)
	codes = append(codes, notice.Codes()...)
	for _, code := range codes {
		p, ok := pages.Sentence("en", string(code), nil)
		if !ok || p.Happened == "" || p.Done == "" || p.Todo == "" {
			t.Errorf("%s: %+v", code, p)
		}
		if strings.ContainsAny(p.Happened+p.Done+p.Todo, "{}[]") {
			t.Errorf("%s: an unfilled part: %+v", code, p)
		}
	}
}
