package provisioning_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// TestRetireGeneration: a generation is kept while a row carries it, in whichever place.
func TestRetireGeneration(t *testing.T) {
	ledger := provisioningtest.NewLedger()
	put := func(rows ...provisioning.Row) {
		t.Helper()
		_, err := ledger.Do(t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.NewChange(provisioning.Entry{Act: "test"}).Put(rows...), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	now := provisioning.Now{Desk: "d", At: time.Unix(1, 0)}
	by := provisioning.Renewal{By: "operator:root", Act: provisioning.ActKeyRetire, What: "site-secret"}
	put(provisioning.Token{ID: "yubikey/1", Serial: "1", Generation: 1},
		provisioning.Token{ID: "yubikey/2", Serial: "2", Generation: 3, Previous: 2},
		provisioning.Token{ID: "yubikey/3", Serial: "3"},
		provisioning.OfficerKey{Officer: "help", Token: "yubikey/9", Generation: 2,
			State: provisioning.KeyReady},
		provisioning.OfficerKey{Officer: "gone", Token: "yubikey/8", Generation: 2,
			State: provisioning.KeyDropped})
	for generation, want := range map[int][]string{1: {"1"}, 2: {"2", "9"}, 4: nil} {
		if got := provisioning.Guarded(ledger.Snapshot(), generation); !slices.Equal(got, want) {
			t.Errorf("generation %d guards %v, want %v", generation, got, want)
		}
	}
	_, err := provisioning.RetireGeneration(ledger.Snapshot(), now, by, 2, 5)
	var no *provisioning.Refusal
	if !errors.As(err, &no) || no.Code != provisioning.CodeGenerationUsed ||
		no.Params["serials"] != "2, 9" || no.Params["count"] != "2" {
		t.Errorf("a generation in use: %v", err)
	}
	for _, generation := range []int{5, 6} {
		_, err := provisioning.RetireGeneration(ledger.Snapshot(), now, by, generation, 5)
		if !errors.Is(err, provisioning.Refuse(provisioning.CodeGenerationCurrent)) {
			t.Errorf("generation %d of 5: %v", generation, err)
		}
	}
	change, err := provisioning.RetireGeneration(ledger.Snapshot(), now, by, 4, 5)
	if err != nil || change.Entry().Actor != "operator:root" ||
		change.Entry().Detail["generation"] != "4" || change.Entry().Act != provisioning.ActKeyRetire {
		t.Errorf("%+v, %v", change.Entry(), err)
	}
	if len(provisioning.RenewCodes()) != 4 || strings.Contains(change.Entry().Rule, " ") {
		t.Error("the codes or the rule changed")
	}
}
