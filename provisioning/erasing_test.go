package provisioning_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// TestWithout: the count of a day forgets one person and nothing else, and the row it came from is
// as it was.
func TestWithout(t *testing.T) {
	day := provisioning.IssuedOn(provisioningtest.NewLedger().Snapshot(), provisioning.Site{},
		time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
	day = provisioning.Counted(provisioning.Counted(day, "p1", "lee"), "p2", "lee")
	left := day.Without("p1")
	if left.Of("p1") != 0 || left.Of("p2") != 1 || left.Total != 2 || left.Officers["lee"] != 2 ||
		day.Of("p1") != 1 || len(left.Persons) != 1 {
		t.Errorf("%+v became %+v", day, left)
	}
}

// TestTriesOf finds the counts that tries make, by whatever name somebody was tried.
func TestTriesOf(t *testing.T) {
	now := provisioning.Now{At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	site := provisioning.Site{Recovery: provisioning.RecoveryLimits{PerAccount: 9, PerAddress: 9}}
	known := map[string]bool{}
	for _, tries := range provisioning.TriesOf(provisioning.Person{ID: "DC12", Account: "ada.a"}) {
		known[tries.Of] = true
	}
	for _, who := range []string{provisioning.TriedAs("DC12", "x"),
		provisioning.TriedAs("", "Ada.A@um.example"), provisioning.TriedAs("", "dc-12")} {
		change, err := provisioning.TryRecovery(provisioningtest.NewLedger().Snapshot(), site, now, who,
			"192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range change.Rows() {
			tries, ok := row.(provisioning.Tries)
			if ok && strings.HasPrefix(tries.Of, "recovery-account/") && !known[tries.Of] {
				t.Errorf("what was tried as %q is not found", who)
			}
		}
	}
}
