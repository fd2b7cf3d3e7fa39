package provisioning_test

import (
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// Whatever leaves a passcode behind that nobody saw, revokes it.
func TestLeavingOneUnseenRevokesIt(t *testing.T) {
	for name, c := range map[string]provisioning.Command{
		"another type":   issue("recovery", provisioning.PasscodeRecovery),
		"the same again": issue("", provisioning.PasscodeShort),
		"a second word":  provisioning.AskSecond{Situation: "phone_lost"},
		"the end":        provisioning.End{},
	} {
		p := given(passcodeID, provisioning.PasscodeShort)
		p.Visit, p.Revealed, p.Keep = visitID, time.Time{}, noon.Add(time.Minute)
		s := newScene(t, provisioning.StepReveal, c).asked("phone_forgotten", p)
		s.visit.Passcode = passcodeID
		_, change := s.mustDecide(t)
		t.Run(name, func(t *testing.T) { revoked(t, change, passcodeID) })
	}
}

// verdict gives the verifier's word on a passcode.
func verdict(
	t *testing.T, ledger *provisioningtest.Ledger, p provisioning.Passcode, o feed.Outcome,
) (provisioning.Change, bool) {
	t.Helper()
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	change, news := provisioning.Acked(ledger.Snapshot(), site,
		provisioning.Now{Desk: "desk1", At: noon, Synced: true}, feed.Ack{Verdicts: []feed.Verdict{
			{Record: p.Record, Credential: string(p.ID), Outcome: o}}})
	if news {
		commit(t, ledger, change)
	}
	return change, news
}

func TestVerdictOnAPasscode(t *testing.T) {
	type want struct {
		end     provisioning.PasscodeEnd
		step    provisioning.Step
		problem provisioning.Code
	}
	for name, c := range map[string]struct {
		issued, seen bool
		outcome      feed.Outcome
		want         want
	}{
		"taken": {true, false, feed.InStep, want{"", provisioning.StepReveal, ""}},
		"refused": {true, false, feed.Refused, want{provisioning.PasscodeRefused,
			provisioning.StepProblem, provisioning.CodePasscodeRefused}},
		"unreadable": {true, false, feed.Unreadable, want{provisioning.PasscodeRefused,
			provisioning.StepProblem, provisioning.CodePasscodeRefused}},
		"a word of another version": {true, false, "perhaps", want{provisioning.PasscodeRefused,
			provisioning.StepProblem, provisioning.CodePasscodeRefused}},
		"expired on its way": {true, false, feed.Expired, want{provisioning.PasscodeExpired,
			provisioning.StepProblem, provisioning.CodePasscodeGone}},
		"used up": {false, true, feed.UsedUp, want{provisioning.PasscodeUsed,
			provisioning.StepDone, ""}},
		"replaced elsewhere": {false, true, feed.Replaced, want{provisioning.PasscodeReplaced,
			provisioning.StepDone, ""}},
		"a new device": {false, true, feed.Voided, want{provisioning.PasscodeVoidEnrolled,
			provisioning.StepDone, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			p := given(passcodeID, provisioning.PasscodeShort)
			p.Visit = visitID
			if c.issued {
				p.State = provisioning.PasscodeIssued
			}
			if !c.seen {
				p.Revealed = time.Time{}
			}
			s := newScene(t, provisioning.StepReveal, nil).asked("phone_forgotten", p)
			s.visit.Passcode = passcodeID
			ledger := s.ledger()
			change, news := verdict(t, ledger, p, c.outcome)
			if !news || len(change.Records()) != 0 {
				t.Fatalf("news %v, the feed gets %+v", news, change.Records())
			}
			got := put[provisioning.Passcode](t, change, string(passcodeID))
			v := get[provisioning.Visit](t, ledger, string(visitID))
			if (want{got.EndReason, v.Step, v.Problem}) != c.want {
				t.Errorf("%+v at %s, problem %s", got, v.Step, v.Problem)
			}
			if got.EndReason == "" && got.State != provisioning.PasscodeLive {
				t.Errorf("%+v", got)
			}
			if _, again := verdict(t, ledger, p, c.outcome); again {
				t.Error("taken twice")
			}
		})
	}
}

// A device that is proven ends what the person had before it, and nothing the feed is told.
func TestANewDeviceEndsPasscodes(t *testing.T) {
	s := newScene(t, provisioning.StepVerify, nil).checked()
	s.noCredent = false
	s.cred = provisioning.Credential{ID: credID, Token: tokenID, Slot: 2, Person: "e1", Loan: loanID,
		Visit: visitID, State: provisioning.CredentialProven, Proof: "proof", Position: 9}
	s.visit.Credential = credID
	before := given(passcodeID, provisioning.PasscodeLong)
	after := given("p9", provisioning.PasscodeShort)
	before.Position, after.Position = 8, 10
	s.more = []provisioning.Row{before, after}
	ledger := s.ledger()
	change, _ := verdict(t, ledger, provisioning.Passcode{ID: provisioning.PasscodeID(credID),
		Record: "proof"}, feed.InStep)
	if p := put[provisioning.Passcode](t, change, string(passcodeID)); p.EndReason !=
		provisioning.PasscodeVoidEnrolled {
		t.Errorf("%+v", p)
	}
	if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); len(live) != 1 || live[0].ID != "p9" {
		t.Errorf("%+v", live)
	}
	if len(change.Records()) != 0 {
		t.Errorf("the feed gets %+v", change.Records())
	}
}

func TestLapsePasscode(t *testing.T) {
	fresh := given(passcodeID, provisioning.PasscodeShort)
	fresh.Visit, fresh.At, fresh.Until = visitID, noon, noon.Add(24*time.Hour)
	fresh.Revealed, fresh.Keep = time.Time{}, noon.Add(provisioning.KeepFor)
	waiting, seen := fresh, fresh
	waiting.State, seen.Revealed = provisioning.PasscodeIssued, noon
	for name, c := range map[string]struct {
		p    provisioning.Passcode
		at   time.Duration
		end  provisioning.PasscodeEnd
		step provisioning.Step
		told bool
	}{
		"the verifier is silent": {waiting, provisioning.VerdictFor,
			provisioning.PasscodeUnanswered, provisioning.StepProblem, true},
		"nobody looked": {fresh, provisioning.KeepFor,
			provisioning.PasscodeNotRevealed, provisioning.StepProblem, true},
		"expired": {seen, 24 * time.Hour,
			provisioning.PasscodeExpired, provisioning.StepDone, false},
		"waiting, and still early": {waiting, provisioning.VerdictFor - 1, "", "", false},
		"seen, and still good":     {seen, 24*time.Hour - 1, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepReveal, nil).asked("phone_forgotten", c.p)
			s.visit.Passcode = passcodeID
			ledger := s.ledger()
			now := provisioning.Now{Desk: "desk1", At: noon.Add(c.at), Synced: true}
			if due := c.p.Due(); (c.end == "") == !now.At.Before(due) {
				t.Errorf("due at %s", due)
			}
			change, due := provisioning.LapsePasscode(ledger.Snapshot(), now, passcodeID)
			if due != (c.end != "") {
				t.Fatalf("due: %v", due)
			}
			if !due {
				return
			}
			commit(t, ledger, change)
			if p := put[provisioning.Passcode](t, change, string(passcodeID)); p.EndReason != c.end {
				t.Errorf("%+v", p)
			}
			if v := get[provisioning.Visit](t, ledger, string(visitID)); v.Step != c.step {
				t.Errorf("%+v", v)
			}
			if c.told != (len(change.Records()) == 1) {
				t.Errorf("the feed gets %+v", change.Records())
			}
		})
	}
}

// What nobody saw before a visit ends, or before the desk stops, is revoked; what was seen stands.
func TestNothingUnseenLives(t *testing.T) {
	for _, seen := range []bool{true, false} {
		p := given(passcodeID, provisioning.PasscodeShort)
		p.Visit = visitID
		if !seen {
			p.Revealed = time.Time{}
		}
		scene := func() *scene {
			s := newScene(t, provisioning.StepReveal, provisioning.End{}).asked("phone_forgotten", p)
			s.visit.Passcode = passcodeID
			return s
		}
		ledger, _ := scene().mustDecide(t)
		if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); (len(live) == 1) != seen {
			t.Errorf("seen %v, and after the visit %+v", seen, live)
		}
		ledger = scene().ledger()
		for {
			change, more := provisioning.Recover(ledger.Snapshot(),
				provisioning.Now{Desk: "desk1", At: noon})
			if !more {
				break
			}
			commit(t, ledger, change)
			if change.Entry().Act == "passcode.recover" {
				revoked(t, change, passcodeID)
			}
		}
		if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); (len(live) == 1) != seen {
			t.Errorf("seen %v, and after a restart %+v", seen, live)
		}
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if !seen && (v.Step != provisioning.StepProblem || v.Problem != provisioning.CodePasscodeGone) {
			t.Errorf("the visit says %+v", v)
		}
	}
}
