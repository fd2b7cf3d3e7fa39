package daemon

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// TestStatusListsEveryDoubt: the operator sees the tokens the officer sees, each once, whether a
// credential is in doubt or only the token is.
func TestStatusListsEveryDoubt(t *testing.T) {
	ledger := provisioningtest.NewLedger(
		provisioning.Token{ID: "yubikey/3", Serial: "3", State: provisioning.TokenDoubtful},
		provisioning.Token{ID: "yubikey/1", Serial: "1", State: provisioning.TokenDoubtful},
		provisioning.Token{ID: "yubikey/2", Serial: "2", State: provisioning.TokenAside},
		provisioning.Token{ID: "yubikey/4", Serial: "4", State: provisioning.TokenLoaned},
		provisioning.Credential{ID: "a", Token: "yubikey/1", State: provisioning.CredentialDoubtful},
		provisioning.Credential{ID: "b", Token: "yubikey/2", State: provisioning.CredentialDoubtful},
		provisioning.Credential{ID: "c", Token: "yubikey/4", State: provisioning.CredentialActive})
	want := []string{"1", "2", "3"}
	if diff := cmp.Diff(want, doubtful(ledger.Snapshot())); diff != "" {
		t.Error(diff)
	}
	if none := doubtful(provisioningtest.NewLedger().Snapshot()); none == nil || len(none) != 0 {
		t.Errorf("without a doubt the list is %#v, not empty", none)
	}
}
