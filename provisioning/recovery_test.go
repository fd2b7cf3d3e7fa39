package provisioning_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// recovered is a passcode sealed for somebody who recovers, with everything the rules want of them.
func recovered(
	t *testing.T, rows ...provisioning.Row,
) (*provisioningtest.Ledger, provisioning.Change) {
	t.Helper()
	s := newScene(t, "", nil).reachable()
	ledger := provisioningtest.NewLedger(append(rows, s.more...)...)
	c := issue("", provisioning.PasscodeRecovery)
	change, err := provisioning.Recovered(ledger.Snapshot(), s.site,
		provisioning.Now{Desk: "desk1", At: noon, Synced: true}, s.person, "192.0.2.1", c.Prepared)
	if err != nil {
		t.Fatal(err)
	}
	return ledger, change
}

// Whoever recovers is told of that in so many words, whatever else the same change does: somebody
// else may be at it, after the person themself.
func TestRecoveryIsAlwaysTold(t *testing.T) {
	for name, rows := range map[string][]provisioning.Row{
		"the first":    nil,
		"one after it": {given(passcodeID, provisioning.PasscodeRecovery)},
	} {
		_, change := recovered(t, rows...)
		var told []provisioning.NoticeKind
		for _, n := range notices(change) {
			told = append(told, n.About)
		}
		if !slices.Contains(told, provisioning.NoticeRecoveryDone) {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

// Nothing is on record as seen that nobody could have seen.
func TestRevealedAloneWaitsForTheVerifier(t *testing.T) {
	ledger, change := recovered(t)
	commit(t, ledger, change)
	now := provisioning.Now{Desk: "desk1", At: noon.Add(time.Second), Synced: true}
	if _, done := provisioning.RevealedAlone(ledger.Snapshot(), now, "p2"); done {
		t.Error("it was seen before the verifier had it")
	}
	verdict := feed.Ack{Position: 1, Verdicts: []feed.Verdict{{Credential: "p2", Record: "r2",
		Outcome: feed.InStep}}}
	taken, ok := provisioning.Acked(ledger.Snapshot(), newScene(t, "", nil).site, now, verdict)
	if !ok {
		t.Fatal("the verdict is nothing new")
	}
	commit(t, ledger, taken)
	if _, done := provisioning.RevealedAlone(ledger.Snapshot(), now, "p2"); !done {
		t.Error("it was seen, and nothing says so")
	}
}

// Counts whose time is over leave: strangers name accounts without end.
func TestStaleTries(t *testing.T) {
	s := newScene(t, "", nil)
	s.site.Recovery = provisioning.RecoveryLimits{PerAccount: 5, PerAddress: 5}
	ledger := provisioningtest.NewLedger()
	for i, who := range []string{"a", "b"} {
		now := provisioning.Now{Desk: "desk1", At: noon.Add(time.Duration(i) * time.Hour)}
		change, err := provisioning.TryRecovery(ledger.Snapshot(), s.site, now, who, "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		commit(t, ledger, change)
	}
	later := noon.Add(provisioning.TriesFor)
	if rows := provisioning.StaleTries(ledger.Snapshot(), later, 1); len(rows) != 1 {
		t.Errorf("%d where one is wanted", len(rows))
	}
	rows := provisioning.StaleTries(ledger.Snapshot(), later, 10)
	if len(rows) != 2 || rows[0].Live() || rows[1].Live() {
		t.Errorf("of the account and the address: %+v", rows)
	}
}
