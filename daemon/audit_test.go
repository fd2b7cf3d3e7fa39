package daemon

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// TestAuditOfNotesFromBefore: a note that was kept under a log key of before is held against the
// log, while the key is renewed and after a new start; one that says nothing of this log is no
// alarm, and one that contradicts it is.
func TestAuditOfNotesFromBefore(t *testing.T) {
	p := newPair(t, nil)
	kept := func() string {
		s, err := p.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.Checkpoint
	}
	verifies := func(when string, notes ...string) {
		t.Helper()
		check, err := p.client.AuditVerify(t.Context(), notes)
		if err != nil || len(check.Kept) != len(notes) {
			t.Errorf("%s: %v, %v", when, check.Kept, err)
		}
	}
	old, before := kept(), p.desk.keys.now().Log
	for range 2 {
		if err := p.renewal().Run(t.Context(), RenewLog); err != nil {
			t.Fatal(err)
		}
	}
	verifies("renewed", old, kept())
	p.stopDesk()
	p.startDesk()
	verifies("after a new start", old, kept())

	own, _ := feed.ParseCheckpoint(strings.SplitAfter(old, "\n\n")[0][:strings.Index(old, "\n\n")+1])
	stranger := own
	stranger.Origin = feed.Origin(p.config.Desk, "another")
	forged := own
	forged.Root = tlog.Hash{1}
	private, _, err := note.GenerateKey(rand.Reader, p.config.Desk)
	if err != nil {
		t.Fatal(err)
	}
	other, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		of   feed.Checkpoint
		by   note.Signer
		code string
	}{
		"of another key":  {own, other, "note"},
		"of another feed": {stranger, p.desk.keys.now().Log, "note"},
		"of another log":  {forged, before, "log"},
	} {
		signed, err := note.Sign(&note.Note{Text: c.of.Text()}, c.by)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.client.AuditVerify(t.Context(), []string{string(signed)})
		var refused AdminError
		if !errors.As(err, &refused) || refused.Code != c.code ||
			strings.Contains(refused.Message, "DOES NOT VERIFY") != (c.code == "log") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
