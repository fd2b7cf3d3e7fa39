package kiosk_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

func (c *counter) loan(t *testing.T) provisioning.Loan {
	t.Helper()
	l, ok := provisioning.Get[provisioning.Loan](c.Snapshot(), "loan")
	if !ok {
		t.Fatal("the loan is gone")
	}
	return l
}

func TestReturnAtThePort(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.plug(serial)
	b.Reload()
	b.Press("Return this token")
	want(t, b, "CHAN Lok Ching", serial, "Take this token back", "FIDO2")
	b.Press("Wipe and return")
	want(t, b, "Wiping…")
	c.wiped()
	b.Reload()
	want(t, b, "Token returned")
	b.Press("Finish")
	want(t, b, "tokens in the drawer")
}

func TestReturnAsksForTheTokenOnLoan(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Return token", "match", "yes", "evidence", "passport")
	want(t, b, serial, "It cannot be plugged in")
	c.plug("99999999")
	b.Reload()
	want(t, b, "99999999")
	if b.Page.Has("Wipe and return") {
		t.Error("another token may be wiped for this loan")
	}
	c.plug("99999999", serial)
	b.Reload()
	want(t, b, "Leave just one")
}

func TestReturnByHandWithoutScripts(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Return token", "match", "yes", "evidence", "passport")
	b.Press("It cannot be plugged in")
	for _, digit := range "1234567" {
		b.Press(string(digit))
	}
	b.Press("Return")
	want(t, b, sentence(t, provisioning.CodeSerialMismatch, "serial", "1234567").Happened)
	b.Press("8")
	b.Press("Return")
	want(t, b, "It was not wiped.")
}

func TestLostWithACardAndTheFee(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Lost token", "match", "yes", "evidence", "passport")
	want(t, b, "MOP$235.00", "It still works until the sign-in service has it")
	b.Press("Report lost")
	want(t, b, "It still works until the sign-in service has it.", "MOP$235.00")
	c.put(provisioning.Verifier{Acked: c.Snapshot().Position() + 1})
	b.Reload()
	want(t, b, "The sign-in service does not accept it any more.")
	wantNot(t, b, "It still works")
	b.Press("Finish")

	c.found(b)
	b.Press("Settle the fee", "match", "yes", "evidence", "passport")
	b.Follow("Paid")
	b.Press("Record", "reference", "R-2211")
	want(t, b, "Fee settled", "Paid", "MOP$235.00")
	if l := c.loan(t); l.Fee.State != provisioning.FeePaid || l.Fee.Reference != "R-2211" {
		t.Errorf("fee is %+v", l.Fee)
	}
}

func TestLostWithoutACardSuspendsAndIsLiftedWithBoth(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Lost token")
	b.Press("Suspend it")
	if l := c.loan(t); l.State != provisioning.LoanSuspended {
		t.Fatalf("loan is %s", l.State)
	}
	want(t, b, "Suspended, not revoked")
	b.Press("Finish")

	c.found(b)
	b.Press("Lift suspension", "match", "yes", "evidence", "university_card")
	want(t, b, "Plug")
	c.plug(serial)
	b.Reload()
	want(t, b, "Lift the suspension?", serial)
	b.Press("Lift it")
	if l := c.loan(t); l.State != provisioning.LoanOpen {
		t.Errorf("loan is %s", l.State)
	}
}

func TestVoidAndDetail(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Loan details", "match", "yes", "evidence", "passport")
	want(t, b, serial, "Alice Officer", "MOP$235.00")
	b.Follow("Back")
	b.Press("Undo hand-over")
	want(t, b, "Undo this hand-over?")
	b.Press("Wrong person")
	want(t, b, "Hand-over undone")
	b.Press("Finish")
	b.Follow("1 token in doubt")
	want(t, b, serial)
	wantNot(t, b, "loan_void")
}

func TestSupervisorsWord(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("No phone", "match", "yes", "evidence", "supervisor")
	wantNot(t, b, "Bob Officer")
	b.Press("I vouch", "officer", carol, "pin", bobPIN)
	want(t, b, sentence(t, "pin_wrong", "left", "4").Happened)
	b.Press("I vouch", "officer", carol, "pin", carolPIN)
	want(t, b, "Plug a token into the port")
	if v := c.visit(); v.Voucher != carol || v.Evidence != provisioning.EvidenceSupervisor ||
		v.Reason != "no_phone" {
		t.Errorf("voucher %q, evidence %q, reason %q", v.Voucher, v.Evidence, v.Reason)
	}
}

func TestMismatchIssuesNothing(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("No phone", "match", "no")
	want(t, b, sentence(t, "match_missing").Happened)
	b.Press("Record and end")
	want(t, b, "Stop here")
	b.Press("Record and end")
	want(t, b, "tokens in the drawer")
	if c.visitCount() != 0 {
		t.Error("the visit did not end")
	}
}

func TestParkedVisitIsPickedUp(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.writing(b)
	c.written()
	c.proven()
	c.mu.Lock()
	c.health.VerifierUp = false
	c.mu.Unlock()
	b.Reload()
	b.Press("Keep it for pick-up")
	want(t, b, c.visit().PickUp[:4])
	b.Follow("Show the slip")
	want(t, b, c.visit().PickUp, "Kept at the desk for you until it is registered.")
	b.Follow("Back")
	b.Press("No slip")
	want(t, b, "tokens in the drawer")
	c.registered()
	b.Open("/parked")
	want(t, b, "CHAN Lok Ching", serial)
	b.Press(b.Page.Buttons()[1])
	want(t, b, "It is registered with the sign-in service and works now.")
}

func TestProblemOffersAnotherTry(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.writing(b)
	v := c.visit()
	v.Step, v.Problem, v.Progress = provisioning.StepProblem, provisioning.CodePulledWriting, ""
	c.put(v)
	b.Reload()
	p := sentence(t, provisioning.CodePulledWriting)
	want(t, b, p.Happened, p.Done, p.Todo, serial)
	b.Press("Set this token aside")
	tok, _ := provisioning.Get[provisioning.Token](c.Snapshot(), "yubikey/"+serial)
	if tok.State != provisioning.TokenAside {
		t.Errorf("token is %s", tok.State)
	}
}

func sentence(t *testing.T, code provisioning.Code, pairs ...string) pages.Problem {
	t.Helper()
	p, ok := pages.Sentence("en", string(code), provisioning.Refuse(code, pairs...).Params)
	if !ok {
		t.Fatalf("no sentence for %s", code)
	}
	return p
}
