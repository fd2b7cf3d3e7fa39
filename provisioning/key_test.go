package provisioning_test

import (
	"errors"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// ownToken is Lee's: on loan to Lee's own person, and enrolled.
func ownToken() []provisioning.Row {
	return []provisioning.Row{
		provisioning.OfficerKey{Officer: "lee", Token: otherID, Slot: 1, State: provisioning.KeyReady},
		provisioning.Loan{ID: "own", Person: "s9", Token: otherID, State: provisioning.LoanOpen},
	}
}

// TestVoidAndWaiveNeedATouch, where the site asks it of everybody, and of whoever has a token. What
// the order says is who touched; a form cannot say it.
func TestVoidAndWaiveNeedATouch(t *testing.T) {
	for name, c := range map[string]struct {
		touch   bool
		own     []provisioning.Row
		touched provisioning.OfficerID
		refused bool
	}{
		"nobody asks, no token":         {},
		"the site asks":                 {touch: true, refused: true},
		"has a token":                   {own: ownToken(), refused: true},
		"touched":                       {touch: true, own: ownToken(), touched: "lee"},
		"another's token":               {touch: true, own: ownToken(), touched: "wong", refused: true},
		"the token was returned":        {own: ownToken()[:1]},
		"returned, and the site asks":   {touch: true, own: ownToken()[:1], refused: true},
		"an enrolment that was cut off": {own: append(unfinished(), ownToken()[1])},
	} {
		for act, command := range map[string]provisioning.Command{
			"void": provisioning.Void{Loan: loanID, Reason: "wrong person", Touched: c.touched},
			"waive": provisioning.SettleFee{Loan: loanID, To: provisioning.FeeWaived,
				Reference: "stolen", Touched: c.touched},
		} {
			s := newScene(t, provisioning.StepChoose, command).lent()
			s.site.Touch, s.more = c.touch, c.own
			s.loan.Fee.State = provisioning.FeeDue
			_, change, err := s.decide(t)
			if refused := errors.Is(err, provisioning.Refuse(provisioning.CodeTouchMissing)); refused != c.refused ||
				!refused && err != nil {
				t.Errorf("%s, %s: %v", act, name, err)
			}
			if c.refused && change.Entry().Rule != "officer.touch" {
				t.Errorf("%s, %s: refused by %s", act, name, change.Entry().Rule)
			}
		}
	}
}

func unfinished() []provisioning.Row {
	return []provisioning.Row{provisioning.OfficerKey{Officer: "lee", Token: otherID, Slot: 1,
		State: provisioning.KeyIntended}}
}

// TestPayingNeedsNoTouch: money that was paid is no favour.
func TestPayingNeedsNoTouch(t *testing.T) {
	s := newScene(t, provisioning.StepChoose, provisioning.SettleFee{Loan: loanID,
		To: provisioning.FeePaid, Reference: "R-1"}).lent()
	s.site.Touch, s.loan.Fee.State = true, provisioning.FeeDue
	if _, _, err := s.decide(t); err != nil {
		t.Error(err)
	}
}

func TestKeyHolder(t *testing.T) {
	lee := provisioning.Officer{ID: "lee", Person: "s9"}
	ledger := provisioningtest.NewLedger(append(ownToken(), lee)...)
	if id, ok := provisioning.KeyHolder(ledger.Snapshot(), otherID); !ok || id != "lee" {
		t.Errorf("the token is %q's (%v)", id, ok)
	}
	if id, ok := provisioning.KeyHolder(ledger.Snapshot(), tokenID); ok {
		t.Errorf("a token nobody enrolled is %q's", id)
	}
}
