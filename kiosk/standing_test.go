package kiosk

import (
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
)

// TestReadySaysWhyNothingIsIssued: a desk that was stopped says so in an alert, and says nothing of
// the verifier beside it; a backup that failed is a line.
func TestReadySaysWhyNothingIsIssued(t *testing.T) {
	for _, code := range []provisioning.Code{provisioning.CodeDeskRestored, provisioning.CodeDeskCopied,
		provisioning.CodeDeskWaiting} {
		sc := sceneryWith()
		sc.health.Standing, sc.health.VerifierUp = provisioning.Refuse(code), false
		v := readyView(sc)
		if v.Frame.Alert == nil || v.Frame.Alert.Code != string(code) || !v.Stopped || v.BackupFailed {
			t.Errorf("%s: %+v", code, v)
		}
	}
	sc := sceneryWith()
	sc.health.BackupTrouble = true
	if v := readyView(sc); v.Frame.Alert != nil || v.Stopped || !v.BackupFailed {
		t.Errorf("%+v", v)
	}
}

// TestLearnedLoan: what is not known of a loan is said, not left out.
func TestLearnedLoan(t *testing.T) {
	loan := provisioning.Loan{ID: "l", Person: "p", Token: "yubikey/1", State: provisioning.LoanOpen,
		Reason: provisioning.ReasonRestored}
	v := detailView(sceneryWith(loan), facts{loan: loan})
	if v.Officer != "" || v.Reason != provisioning.ReasonRestored {
		t.Errorf("%+v", v)
	}
}
