package provisioning_test

import (
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// state finds the one order of a change to the verifier.
func state(t *testing.T, c provisioning.Change) feed.State {
	t.Helper()
	if len(c.Records()) != 1 {
		t.Fatalf("%d records", len(c.Records()))
	}
	r := c.Records()[0]
	if r.Credential != string(credID) || r.Kind != feed.KindState || r.ID == "" || r.Desk != "desk1" {
		t.Errorf("record %+v", r)
	}
	return r.State
}

func TestLost(t *testing.T) {
	for _, card := range []bool{true, false} {
		s := newScene(t, provisioning.StepLost, provisioning.ReportLost{Loan: loanID, Note: "bus"})
		s.lent()
		if !card {
			s.visit.Evidence = ""
		}
		ledger, change := s.mustDecide(t)
		loan := put[provisioning.Loan](t, change, string(loanID))
		cred := put[provisioning.Credential](t, change, string(credID))
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if get[provisioning.Token](t, ledger, string(tokenID)).State != provisioning.TokenLost {
			t.Error("the token is not lost")
		}
		if v.Step != provisioning.StepDone || v.Position != 0 || cred.Position != 0 {
			t.Errorf("visit %+v", v)
		}
		if (provisioning.Verifier{Acked: 0}).Holds(v.Position) ||
			!(provisioning.Verifier{Acked: 1}).Holds(v.Position) {
			t.Error("nobody can tell when it is in force")
		}
		if card {
			if state(t, change) != feed.StateRevoked || loan.State != provisioning.LoanLost ||
				loan.Fee.State != provisioning.FeeDue || loan.Fee.Amount.Minor != 23500 ||
				cred.State != provisioning.CredentialRevoked || loan.EndReason != "bus" {
				t.Errorf("with a card: %+v %+v", loan, cred)
			}
		} else if state(t, change) != feed.StateSuspended || loan.State != provisioning.LoanSuspended ||
			loan.Fee.State != provisioning.FeeNone || cred.State != provisioning.CredentialSuspended {
			t.Errorf("without a card: %+v %+v", loan, cred)
		}
	}
}

// A site without a fee has none due; a suspended loan is lost for good when a card is shown.
func TestLostForGood(t *testing.T) {
	s := newScene(t, provisioning.StepLost, provisioning.ReportLost{Loan: loanID}).suspended()
	s.loan.Fee.Amount.Minor = 0
	_, change := s.mustDecide(t)
	loan := put[provisioning.Loan](t, change, string(loanID))
	if loan.State != provisioning.LoanLost || loan.Fee.State != provisioning.FeeNone || loan.Live() {
		t.Errorf("%+v", loan)
	}
}

func TestReinstate(t *testing.T) {
	s := newScene(t, provisioning.StepLost, provisioning.Reinstate{Loan: loanID}).suspended()
	s.visit.Token = tokenID
	ledger, change := s.mustDecide(t)
	if state(t, change) != feed.StateResumed {
		t.Error("the verifier was not told")
	}
	if get[provisioning.Loan](t, ledger, string(loanID)).State != provisioning.LoanOpen ||
		get[provisioning.Token](t, ledger, string(tokenID)).State != provisioning.TokenLoaned ||
		get[provisioning.Credential](t, ledger, string(credID)).State != provisioning.CredentialActive {
		t.Error("it is not as it was")
	}
}

func TestTakeBackIntendsAWipe(t *testing.T) {
	s := newScene(t, provisioning.StepReturn, provisioning.TakeBack{Loan: loanID,
		Hand: provisioning.Hand{Token: info()}}).lent()
	ledger, change := s.mustDecide(t)
	tok := get[provisioning.Token](t, ledger, string(tokenID))
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if state(t, change) != feed.StateRevoked || tok.Pending != provisioning.ActWipe ||
		v.Progress != provisioning.ProgressWiping || !v.Deadline.IsZero() {
		t.Errorf("%+v %+v", tok, v)
	}
	if get[provisioning.Loan](t, ledger, string(loanID)).State != provisioning.LoanOpen {
		t.Error("the loan ended before the wipe was done")
	}
	now := provisioning.Now{Desk: "desk1", At: noon, Synced: true}
	wiped, err := provisioning.Wiped(ledger.Snapshot(), now, tokenID)
	if err != nil {
		t.Fatal(err)
	}
	tok = put[provisioning.Token](t, wiped, string(tokenID))
	if put[provisioning.Loan](t, wiped, string(loanID)).State != provisioning.LoanReturned ||
		put[provisioning.Visit](t, wiped, string(visitID)).Step != provisioning.StepDone ||
		tok.State != provisioning.TokenStock || tok.Credential != "" || tok.Generation != 0 {
		t.Errorf("%+v", tok)
	}
	failed, err := provisioning.WipeFailed(ledger.Snapshot(), now, tokenID,
		provisioning.CodePulledWiping)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, ledger, failed)
	v = get[provisioning.Visit](t, ledger, string(visitID))
	if v.Problem != provisioning.CodePulledWiping {
		t.Errorf("%+v", v)
	}
	list := provisioning.Doubtful(ledger.Snapshot())
	if len(list) != 1 || list[0].Token.ID != tokenID || list[0].Why != provisioning.CodePulledWiping {
		t.Errorf("the doubt is not listed: %+v", list)
	}
}

func TestTakeBackByHand(t *testing.T) {
	s := newScene(t, provisioning.StepReturn, provisioning.TakeBack{Loan: loanID, ByHand: true,
		Serial: " 1234 "}).lent()
	ledger, change := s.mustDecide(t)
	if state(t, change) != feed.StateRevoked ||
		get[provisioning.Token](t, ledger, string(tokenID)).State != provisioning.TokenDamaged ||
		put[provisioning.Loan](t, change, string(loanID)).State != provisioning.LoanReturned {
		t.Error("it is not taken back")
	}
}

func TestRestockEndsADoubt(t *testing.T) {
	s := newScene(t, "", provisioning.Restock{Token: tokenID, Hand: provisioning.Hand{Token: info()}})
	s.suspended()
	s.order.Visit, s.noVisit = "", true
	ledger, change := s.mustDecide(t)
	if state(t, change) != feed.StateRevoked {
		t.Error("the verifier was not told")
	}
	wiped, err := provisioning.Wiped(ledger.Snapshot(),
		provisioning.Now{Desk: "desk1", At: noon}, tokenID)
	if err != nil {
		t.Fatal(err)
	}
	if put[provisioning.Loan](t, wiped, string(loanID)).State != provisioning.LoanReturned {
		t.Error("its loan is still open")
	}
}

func TestVoid(t *testing.T) {
	yesterday := noon.Add(-provisioning.VoidFor)
	for _, inVisit := range []bool{true, false} {
		s := newScene(t, provisioning.StepChoose, provisioning.Void{Loan: loanID, Reason: "wrong one"})
		s.lent().loan.At = yesterday
		if !inVisit {
			s.order.Visit = ""
		}
		ledger, change := s.mustDecide(t)
		loan := put[provisioning.Loan](t, change, string(loanID))
		if state(t, change) != feed.StateRevoked || loan.State != provisioning.LoanVoid ||
			loan.EndReason != "wrong one" || loan.Fee.State != provisioning.FeeNone {
			t.Errorf("%+v", loan)
		}
		if list := provisioning.Doubtful(ledger.Snapshot()); len(list) != 1 ||
			list[0].Why != provisioning.CodeLoanVoided {
			t.Errorf("nobody is told to look for the token: %+v", list)
		}
		done := get[provisioning.Visit](t, ledger, string(visitID)).Step == provisioning.StepDone
		if done != inVisit {
			t.Error("the visit is not where it should be")
		}
	}
}

func TestFeeMoves(t *testing.T) {
	for _, way := range [][]provisioning.FeeState{
		{provisioning.FeePaid, provisioning.FeeReversed}, {provisioning.FeeWaived},
	} {
		s := newScene(t, provisioning.StepChoose, nil).lent()
		s.loan.State, s.loan.Fee.State = provisioning.LoanLost, provisioning.FeeDue
		for _, to := range way {
			s.order.Command = provisioning.SettleFee{Loan: loanID, To: to, Reference: "R 17"}
			s.order.Visit = ""
			_, change := s.mustDecide(t)
			s.loan = put[provisioning.Loan](t, change, string(loanID))
			if s.loan.Fee.State != to || s.loan.Fee.Reference != "R 17" || len(change.Records()) != 0 {
				t.Errorf("%+v", s.loan)
			}
		}
		if s.loan.Live() {
			t.Errorf("%s: the loan is settled and still live", s.loan.Fee.State)
		}
	}
}

func TestEndAbandonsAWrite(t *testing.T) {
	for _, state := range []provisioning.CredentialState{provisioning.CredentialPrepared,
		provisioning.CredentialWritten, provisioning.CredentialProven} {
		s := newScene(t, provisioning.StepWrite, provisioning.End{}).lent()
		s.noLoan, s.cred.State, s.visit.Credential = true, state, credID
		ledger, change := s.mustDecide(t)
		c := get[provisioning.Credential](t, ledger, string(credID))
		if c.State != provisioning.CredentialDoubtful {
			t.Errorf("%s became %s", state, c.State)
		}
		if change.Records()[0].State != feed.StateRevoked || change.Entry().Outcome != "doubtful" {
			t.Error("the verifier was not told")
		}
		if put[provisioning.Visit](t, change, string(visitID)).Live() {
			t.Error("the visit goes on")
		}
	}
}

func TestDeadlines(t *testing.T) {
	now := func(at time.Time) provisioning.Now { return provisioning.Now{Desk: "desk1", At: at} }
	const (
		check, verify, done = provisioning.StepCheck, provisioning.StepVerify, provisioning.StepDone
		open, held          = provisioning.VisitOpen, provisioning.VisitHeld
		parked, ended       = provisioning.VisitParked, provisioning.VisitEnded
	)
	cases := map[string]struct {
		step        provisioning.Step
		state, want provisioning.VisitState
		next        time.Duration
	}{
		"idle is held":           {check, open, held, provisioning.HeldFor},
		"held is dropped":        {check, held, ended, 0},
		"goodbye ends":           {done, open, ended, 0},
		"waiting is parked":      {verify, open, parked, provisioning.ParkedFor},
		"held waiting is parked": {verify, held, parked, provisioning.ParkedFor},
		"parked is given up":     {verify, parked, ended, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, c.step, nil)
			s.visit.State, s.visit.Deadline = c.state, noon
			s.noCredent, s.visit.Credential = false, credID
			s.cred = provisioning.Credential{ID: credID, Token: tokenID, Visit: visitID,
				State: provisioning.CredentialActive}
			if c.step == provisioning.StepVerify {
				s.cred.State = provisioning.CredentialProven
			}
			ledger := s.ledger()
			if _, due := provisioning.Lapse(ledger.Snapshot(), now(noon.Add(-1)), visitID); due {
				t.Fatal("it lapsed too early")
			}
			change, due := provisioning.Lapse(ledger.Snapshot(), now(noon), visitID)
			if !due {
				t.Fatal("it did not lapse")
			}
			v := put[provisioning.Visit](t, change, string(visitID))
			if v.State != c.want || c.next != 0 && !v.Deadline.Equal(noon.Add(c.next)) {
				t.Errorf("%s until %v", v.State, v.Deadline)
			}
			doubt := c.step == provisioning.StepVerify && c.want == provisioning.VisitEnded
			if doubt != (len(change.Records()) == 1) {
				t.Error("what was given up is not revoked, or what was not is")
			}
		})
	}
}
