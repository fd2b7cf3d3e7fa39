package daemon

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/systemd"
)

// TestHeraldTellsOnce: each thing an operator should act on is told when it begins, and again when
// it begins again.
func TestHeraldTellsOnce(t *testing.T) {
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	locked := provisioning.Officer{ID: "lee", Failures: provisioning.MostTries}
	near := provisioning.Officer{ID: "lee", Failures: provisioning.MostTries - 1}
	tired := provisioning.Tries{Of: "recovery-account/1", Count: site.Recovery.PerAccount, Since: now}
	old := tired
	old.Since = now.Add(-provisioning.TriesFor)
	few := provisioning.Tries{Of: "recovery-account/2", Count: site.Recovery.PerAccount - 1, Since: now}
	other := provisioning.Tries{Of: "request/1", Count: 1000, Since: now}
	var h heard
	for i, at := range []struct {
		rows []provisioning.Row
		want []systemd.Message
	}{
		{[]provisioning.Row{near, few, other}, nil},
		{[]provisioning.Row{locked}, []systemd.Message{systemd.OfficerLocked}},
		{[]provisioning.Row{locked, tired}, []systemd.Message{systemd.RecoveriesThrottled}},
		{[]provisioning.Row{locked, tired}, nil},
		{[]provisioning.Row{old}, nil},
		{[]provisioning.Row{locked, tired},
			[]systemd.Message{systemd.OfficerLocked, systemd.RecoveriesThrottled}},
	} {
		var text strings.Builder
		h = h.hear(provisioningtest.NewLedger(at.rows...).Snapshot(), site, now,
			slog.New(slog.NewTextHandler(&text, nil)))
		var said []systemd.Message
		for line := range strings.Lines(text.String()) {
			_, id, _ := strings.Cut(line, "MESSAGE_ID=")
			id, _, _ = strings.Cut(id, " ")
			said = append(said, systemd.Message(id))
		}
		if diff := cmp.Diff(at.want, said); diff != "" {
			t.Errorf("look %d:\n%s", i, diff)
		}
	}
}

// TestClassify: why a daemon ended is told by class, however the reason is wrapped.
func TestClassify(t *testing.T) {
	for reason, want := range map[error]systemd.Message{
		boltfile.ErrNewer: systemd.StoreNewer, boltfile.ErrDamaged: systemd.StoreDamaged,
		boltfile.ErrWrongKey: systemd.StoreDamaged, boltfile.ErrLocked: systemd.StoreLocked,
		boltfile.ErrCommit: systemd.WriteFailed,
	} {
		got := Classify(fmt.Errorf("open the store: %w", reason))
		if diff := cmp.Diff([]any{want.Attr()}, got); diff != "" {
			t.Errorf("%v:\n%s", reason, diff)
		}
	}
	if got := Classify(fmt.Errorf("another reason")); got != nil {
		t.Errorf("no class for %v", got)
	}
}
