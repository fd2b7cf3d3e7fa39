package visit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

func (v *vault) SealPasscode(r feed.Record, b feed.PasscodeBody) (feed.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, code := range b.Codes {
		v.passcodes[r.Credential] = append(v.passcodes[r.Credential], string(code.Expose()))
	}
	v.user = b.User
	r.Sealed = []byte("sealed")
	v.records = append(v.records, r)
	return r, nil
}

// toSituation brings Chan's visit to the question why.
func (w *world) toSituation() {
	w.t.Helper()
	w.do(chan1(), provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard},
		provisioning.Choose{Errand: provisioning.ErrandPasscode})
	w.at(provisioning.StepSituation, "")
}

// answer is the verifier's word on the newest passcode that was sealed.
func (w *world) answer(o feed.Outcome) {
	w.t.Helper()
	r := w.vault.records[len(w.vault.records)-1]
	err := w.runner.Acknowledge(w.t.Context(), feed.Ack{Position: w.ledger.Snapshot().Position(),
		Verdicts: []feed.Verdict{{Record: r.ID, Credential: r.Credential, Outcome: o}}})
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// issued is Chan with a short passcode the verifier took, and the screen turned.
func (w *world) issued() {
	w.t.Helper()
	w.toSituation()
	w.do(provisioning.IssuePasscode{Situation: "phone_forgotten", Turn: true})
	w.answer(feed.InStep)
}

// passcode is the visit's, as it was committed last.
func (w *world) passcode() (p provisioning.Passcode) {
	for _, change := range w.ledger.Changes() {
		for _, row := range change.Rows() {
			if row, ok := row.(provisioning.Passcode); ok && row.ID == w.row().Passcode {
				p = row
			}
		}
	}
	return p
}

// shown is what stands on the turned screen, or the code of why nothing does.
func (w *world) shown() ([]string, provisioning.Code) {
	w.t.Helper()
	codes, _, err := w.runner.Shown(w.visit)
	var no *provisioning.Refusal
	if err != nil && !errors.As(err, &no) {
		w.t.Fatal(err)
	}
	var out []string
	for _, code := range codes {
		out = append(out, string(code.Expose()))
	}
	if no != nil {
		return nil, no.Code
	}
	return out, ""
}

func (w *world) hidden(want provisioning.Code) {
	w.t.Helper()
	if codes, why := w.shown(); len(codes) != 0 || why != want {
		w.t.Errorf("%d codes are shown, %q; want %q", len(codes), why, want)
	}
}

func refusedWith(t *testing.T, err error, code provisioning.Code) {
	t.Helper()
	if !errors.Is(err, provisioning.Refuse(code)) {
		t.Errorf("%v, want %s", err, code)
	}
}

// forgotten: no digit is held any more.
func (w *world) forgotten() {
	w.t.Helper()
	w.runner.mu.Lock()
	defer w.runner.mu.Unlock()
	if n := len(w.runner.held); n != 0 {
		w.t.Errorf("the digits of %d passcodes are still held", n)
	}
}

func TestAPasscode(t *testing.T) {
	inWorld(t, func(w *world) {
		w.toSituation()
		w.do(provisioning.IssuePasscode{Situation: "phone_forgotten", Turn: true})
		w.at(provisioning.StepReveal, "")
		w.hidden(provisioning.CodePasscodeHidden)
		refusedWith(t, w.try(provisioning.Reveal{}), provisioning.CodePasscodeWaiting)
		w.answer(feed.InStep)
		w.hidden(provisioning.CodePasscodeHidden)
		w.do(provisioning.Reveal{})
		codes, _ := w.shown()
		if !slices.Equal(codes, w.vault.passcodes[string(w.row().Passcode)]) || len(codes) != 1 ||
			w.vault.user != "chan" {
			t.Errorf("%d codes are shown, and others were sealed for %q", len(codes), w.vault.user)
		}
		w.do(provisioning.Hide{})
		w.hidden(provisioning.CodePasscodeHidden)
		w.do(provisioning.Reveal{})
		time.Sleep(provisioning.ShowFor)
		w.hidden(provisioning.CodePasscodeHidden)
		w.do(provisioning.Reveal{}, provisioning.Noted{})
		w.hidden(provisioning.CodeVisitUnknown)
		w.forgotten()
		open := provisioning.LivePasscodes(w.ledger.Snapshot(), "e1")
		if len(open) != 1 || open[0].State != provisioning.PasscodeLive || open[0].Revealed.IsZero() {
			t.Errorf("%+v", open)
		}
		w.nowhere(codes[0])
	})
}

// nowhere: no digits in a row, an entry or a record.
func (w *world) nowhere(digits string) {
	w.t.Helper()
	for i, change := range w.ledger.Changes() {
		entry, err := json.Marshal(change.Entry())
		if err != nil {
			w.t.Fatal(err)
		}
		text := string(entry) + fmt.Sprintf("%+v %+v", change.Rows(), change.Records())
		if strings.Contains(text, digits) {
			w.t.Errorf("the digits are in change %d", i)
		}
	}
}

// The digits are for the turned screen alone.
func TestShownToThePersonOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		w.issued()
		w.do(provisioning.Reveal{})
		w.do(provisioning.Turn{})
		w.hidden(provisioning.CodeNotTurned)
		refusedWith(t, w.try(provisioning.Reveal{}), provisioning.CodeNotTurned)
		w.do(provisioning.Turn{Away: true})
		w.hidden(provisioning.CodePasscodeHidden)
		w.do(provisioning.Reveal{})
		w.do(provisioning.Hold{})
		w.hidden(provisioning.CodeNotTurned)
		w.visit = "v9"
		w.hidden(provisioning.CodeVisitUnknown)
	})
}

func TestDigitsGoWhenNobodyLooks(t *testing.T) {
	inWorld(t, func(w *world) {
		w.issued()
		time.Sleep(provisioning.KeepFor)
		synctest.Wait()
		w.at(provisioning.StepProblem, provisioning.CodePasscodeGone)
		w.forgotten()
		if p := w.passcode(); p.EndReason != provisioning.PasscodeNotRevealed {
			t.Errorf("%+v", p)
		}
		// Another is one tap away, once the visit is taken up again.
		w.do(provisioning.Resume{}, provisioning.IssuePasscode{Turn: true})
		w.answer(feed.InStep)
		w.do(provisioning.Reveal{})
		if codes, _ := w.shown(); len(codes) != 1 {
			t.Errorf("%d codes are shown", len(codes))
		}
	})
}

func TestDigitsGoAfterTheyWereSeen(t *testing.T) {
	inWorld(t, func(w *world) {
		w.issued()
		w.do(provisioning.Reveal{})
		for range 5 {
			time.Sleep(time.Minute)
			w.do(provisioning.Stay{})
		}
		refusedWith(t, w.try(provisioning.Reveal{}), provisioning.CodePasscodeGone)
		w.forgotten()
		if p := w.passcode(); p.State != provisioning.PasscodeLive {
			t.Errorf("%+v", p)
		}
	})
}

func TestTheVerifierSaysNo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.toSituation()
		w.do(provisioning.IssuePasscode{Situation: "phone_forgotten"})
		w.answer(feed.Refused)
		w.at(provisioning.StepProblem, provisioning.CodePasscodeRefused)
		w.forgotten()
		w.do(provisioning.IssuePasscode{})
		time.Sleep(provisioning.VerdictFor)
		synctest.Wait()
		w.at(provisioning.StepProblem, provisioning.CodePasscodeUnanswered)
		w.forgotten()
		w.away = true
		refusedWith(t, w.try(provisioning.IssuePasscode{}), provisioning.CodeVerifierAway)
		w.forgotten()
	})
}

func TestPasscodeAndTheEndOfAVisit(t *testing.T) {
	for _, seen := range []bool{false, true} {
		inWorld(t, func(w *world) {
			w.issued()
			if seen {
				w.do(provisioning.Reveal{})
			}
			w.do(provisioning.Turn{}, provisioning.End{})
			w.forgotten()
			live := provisioning.LivePasscodes(w.ledger.Snapshot(), "e1")
			if (len(live) == 1) != seen {
				t.Errorf("seen: %v, and then %+v", seen, live)
			}
		})
	}
}

func TestPasscodeAcrossARestart(t *testing.T) {
	for _, seen := range []bool{false, true} {
		inWorld(t, func(w *world) {
			w.issued()
			if seen {
				w.do(provisioning.Reveal{})
			}
			w.stop()
			w.forgotten()
			w.start()
			synctest.Wait()
			w.do(provisioning.Resume{})
			if !seen {
				w.at(provisioning.StepProblem, provisioning.CodePasscodeGone)
				return
			}
			w.at(provisioning.StepReveal, "")
			if p := w.passcode(); p.State != provisioning.PasscodeLive {
				t.Errorf("%+v", p)
			}
			w.do(provisioning.Turn{Away: true})
			refusedWith(t, w.try(provisioning.Reveal{}), provisioning.CodePasscodeGone)
			w.do(provisioning.Turn{}, provisioning.IssuePasscode{Turn: true})
			w.answer(feed.InStep)
			w.do(provisioning.Reveal{})
		})
	}
}

func TestALongPasscodeTakesTwo(t *testing.T) {
	inWorld(t, func(w *world) {
		approve := func(by provisioning.OfficerID) error {
			err := w.runner.Approve(w.t.Context(), w.visit, provisioning.ActPasscode, by)
			synctest.Wait()
			return err
		}
		w.toSituation()
		long := provisioning.IssuePasscode{Situation: "phone_lost"}
		refusedWith(t, w.try(long), provisioning.CodeSecondMissing)
		refusedWith(t, approve("wong"), provisioning.CodeWrongStep)
		w.do(provisioning.AskSecond{Situation: "phone_lost"})
		refusedWith(t, approve("lee"), provisioning.CodeSecondSame)
		refusedWith(t, w.try(long), provisioning.CodeSecondMissing)
		w.forgotten()
		if err := approve("wong"); err != nil {
			t.Fatal(err)
		}
		w.do(provisioning.IssuePasscode{Turn: true})
		w.answer(feed.InStep)
		if p := w.passcode(); p.Second != "wong" || p.Type != provisioning.PasscodeLong {
			t.Errorf("%+v", p)
		}
		refusedWith(t, approve("wong"), provisioning.CodeWrongStep)
		refusedWith(t, w.runner.Approve(w.t.Context(), "v9", provisioning.ActPasscode, "wong"),
			provisioning.CodeVisitUnknown)
	})
}

// Five posts of one form issue one passcode, and its digits are those that were sealed.
func TestFivePostsOfOneForm(t *testing.T) {
	inWorld(t, func(w *world) {
		w.toSituation()
		o := w.order(provisioning.IssuePasscode{Situation: "phone_forgotten", Turn: true})
		done := make(chan error, 5)
		for range cap(done) {
			go func() {
				_, err := w.runner.Do(w.t.Context(), o)
				done <- err
			}()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if live := provisioning.LivePasscodes(w.ledger.Snapshot(), "e1"); len(live) != 1 {
			t.Errorf("%+v", live)
		}
		w.answer(feed.InStep)
		w.do(provisioning.Reveal{})
		if codes, _ := w.shown(); !slices.Equal(codes, w.vault.passcodes[string(w.row().Passcode)]) {
			t.Error("other digits are shown than were sealed")
		}
	})
}

// A mail form that is posted again makes no second passcode, and says so.
func TestAMailFormPostedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		form := provisioning.IssueByMail{Person: provisioning.Person{ID: "e1", Account: "chan",
			Role: "student", Mail: "chan@example.edu"}, Situation: "phone_forgotten",
			Justification: "at home"}
		o := provisioning.Order{By: "lee", Op: "mail"}
		if _, err := w.runner.IssueByMail(w.t.Context(), o, form); err != nil {
			t.Fatal(err)
		}
		_, err := w.runner.IssueByMail(w.t.Context(), o, form)
		refusedWith(t, err, provisioning.CodePostedBefore)
		if live := provisioning.LivePasscodes(w.ledger.Snapshot(), "e1"); len(live) != 1 {
			t.Errorf("%+v", live)
		}
	})
}

func TestDigits(t *testing.T) {
	first := map[byte]int{}
	for range 20_000 {
		code := newPasscodes(1)[0].Expose()
		if len(code) != feed.PasscodeDigits || code[0] == '0' {
			t.Fatalf("%s is not nine digits that begin with 1 to 9", code)
		}
		first[code[0]]++
	}
	for digit := byte('1'); digit <= '9'; digit++ {
		// 2,222 on average; five standard deviations are 222.
		if n := first[digit]; n < 1950 || n > 2500 {
			t.Errorf("%c comes first %d times in 20,000", digit, n)
		}
	}
	seen := map[string]bool{}
	for _, code := range newPasscodes(10) {
		seen[string(code.Expose())] = true
	}
	if len(seen) != 10 {
		t.Errorf("a list of ten holds %d different codes", len(seen))
	}
}
