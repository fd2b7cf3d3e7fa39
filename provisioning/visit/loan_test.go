package visit

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

func TestALoan(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		v := w.at(provisioning.StepCheck, "")
		if v.Token != "yubikey/1234" || v.Slot != 2 {
			t.Fatalf("%+v", v)
		}
		w.do(provisioning.Write{})
		v = w.at(provisioning.StepWrite, "")
		if v.Progress != provisioning.ProgressTouch {
			t.Fatalf("progress %q", v.Progress)
		}
		k.touches <- k.press()
		synctest.Wait()
		w.at(provisioning.StepVerify, "")
		if _, open := provisioning.OpenLoan(w.ledger.Snapshot(), "e1"); open {
			t.Error("a loan began before the verifier said so")
		}
		w.ack()
		w.at(provisioning.StepDone, "")
		loan, _ := provisioning.OpenLoan(w.ledger.Snapshot(), "e1")
		if loan.Token != "yubikey/1234" || loan.Due.IsZero() || loan.Fee.Amount.Minor != 23500 ||
			loan.Reason != "phone_unsupported" || loan.Terms != "2026-09" {
			t.Errorf("%+v", loan)
		}
		if w.vault.user != "chan" || w.token("1234").State != provisioning.TokenLoaned {
			t.Errorf("sealed for %q, token %s", w.vault.user, w.token("1234").State)
		}
		credential, _ := provisioning.Get[provisioning.Credential](w.ledger.Snapshot(),
			string(loan.Credential))
		if credential.State != provisioning.CredentialActive || credential.Next != 1 {
			t.Errorf("%+v", credential)
		}
		if w.bench.opened != 1 || k.open {
			t.Errorf("opened %d times, still open: %v", w.bench.opened, k.open)
		}
	})
}

// The order in which things become durable is the journal of the design.
func TestIntentsComeFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		k.onProgram = func(int) (bool, error) {
			c := last(w)
			if c.State != provisioning.CredentialPrepared || w.token("1234").Pending == "" {
				t.Errorf("the token was written to before the intent was durable: %+v", c)
			}
			return true, nil
		}
		k.onErase = func(int) (bool, error) {
			if w.token("1234").Pending != provisioning.ActWipe {
				t.Error("the token was wiped before the intent was durable")
			}
			return true, nil
		}
		w.lend(k)
		w.do(provisioning.Choose{Errand: provisioning.ErrandReturn})
		w.do(provisioning.TakeBack{Loan: w.row().Loan})
		w.at(provisioning.StepDone, "")
		var acts []provisioning.Act
		for _, c := range w.ledger.Changes() {
			if a := c.Entry().Act; len(c.Records()) > 0 || a == "token.wiped" || a == "token.written" ||
				a == "verifier.ack" {
				acts = append(acts, a)
			}
		}
		want := []provisioning.Act{"loan.write", "token.written", "token.proven", "verifier.ack",
			"loan.return", "token.wiped"}
		if diff := cmp.Diff(want, acts); diff != "" {
			t.Error(diff)
		}
		if k.seed != nil || w.token("1234").State != provisioning.TokenStock {
			t.Error("the token is not back in stock, empty")
		}
	})
}

// last is the newest credential.
func last(w *world) (c provisioning.Credential) {
	for _, change := range w.ledger.Changes() {
		for _, row := range change.Rows() {
			if cred, ok := row.(provisioning.Credential); ok {
				c = cred
			}
		}
	}
	return c
}

// Whatever the hardware does, the problem says what was and was not done, and what is in doubt is
// listed.
func TestWriteProblems(t *testing.T) {
	gone, untouched := provisioning.ErrGone, provisioning.ErrUntouched
	unknown := provisioning.ErrUnknownOutcome
	cases := map[string]struct {
		effect bool
		err    error
		want   provisioning.Code
		doubt  bool
	}{
		"pulled before": {false, errors.Join(gone, untouched),
			provisioning.CodePulledBeforeWrite, false},
		"refused":   {false, untouched, provisioning.CodeWriteRefused, false},
		"protected": {false, provisioning.ErrProtected, provisioning.CodeSlotProtected, false},
		"pulled while, no": {false, errors.Join(gone, unknown),
			provisioning.CodePulledWriting, true},
		"pulled while, yes": {true, errors.Join(gone, unknown),
			provisioning.CodePulledWriting, true},
		"silent":               {true, unknown, provisioning.CodeWriteUnknown, true},
		"pulled, no promise":   {false, gone, provisioning.CodePulledWriting, true},
		"anything else at all": {true, errors.New("odd"), provisioning.CodeWriteUnknown, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				k := newKey("1234")
				k.onProgram = func(int) (bool, error) { return c.effect, c.err }
				w.toCheck(k)
				w.do(provisioning.Write{})
				w.at(provisioning.StepProblem, c.want)
				if got := len(w.doubtful()) == 1; got != c.doubt {
					t.Errorf("in doubt: %v", w.doubtful())
				}
				want := provisioning.CredentialRevoked
				if c.doubt {
					want = provisioning.CredentialDoubtful
				}
				if got := last(w); got.State != want {
					t.Errorf("the credential is %s", got.State)
				}
				if k.open {
					t.Error("the token was not given back")
				}
				// Another try makes another seed and ends the doubt.
				k.onProgram = nil
				first := last(w).ID
				w.do(provisioning.Again{}, provisioning.Write{})
				k.touches <- k.press()
				synctest.Wait()
				w.ack()
				w.at(provisioning.StepDone, "")
				if len(w.doubtful()) != 0 || last(w).ID == first || len(w.vault.seeds) != 2 {
					t.Errorf("after another try: in doubt %v", w.doubtful())
				}
				if bytes.Equal(w.vault.seeds[string(first)], k.seed) {
					t.Error("the first seed is in use")
				}
			})
		})
	}
}

func TestTouchProblems(t *testing.T) {
	cases := map[string]struct {
		during func(w *world, k *key)
		want   provisioning.Code
	}{
		"nobody touches": {func(*world, *key) { time.Sleep(provisioning.TouchFor) },
			provisioning.CodeNoTouch},
		"pulled out": {func(w *world, k *key) { w.bench.pull(k) }, provisioning.CodePulledTouch},
		"three other codes": {func(_ *world, k *key) {
			for range 3 {
				k.touches <- "000000"
			}
		}, provisioning.CodeOTPUnknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				k := newKey("1234")
				w.toCheck(k)
				w.do(provisioning.Write{})
				c.during(w, k)
				synctest.Wait()
				w.at(provisioning.StepProblem, c.want)
				if diff := cmp.Diff([]string{"1234"}, w.doubtful()); diff != "" {
					t.Error(diff)
				}
				if k.open {
					t.Error("the token was not given back")
				}
			})
		})
	}
}

func TestAWrongTouchIsForgiven(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		w.do(provisioning.Write{})
		k.touches <- "000000"
		synctest.Wait()
		if v := w.at(provisioning.StepWrite, provisioning.CodeOTPUnknown); v.Params["tries"] != "1" {
			t.Errorf("%v", v.Params)
		}
		// The person pressed it in the hand a few times: that is explained by the ten codes kept.
		for range 6 {
			k.press()
		}
		k.touches <- k.press()
		synctest.Wait()
		w.at(provisioning.StepVerify, "")
		if c := last(w); c.Next != 7 {
			t.Errorf("the counter after the proof is %d", c.Next)
		}
	})
}

func TestStillThereMovesTheTouch(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		w.do(provisioning.Write{})
		for range 12 {
			time.Sleep(provisioning.TouchFor - time.Second)
			w.do(provisioning.Stay{})
			w.at(provisioning.StepWrite, "")
		}
		k.touches <- k.press()
		synctest.Wait()
		w.at(provisioning.StepVerify, "")
	})
}

func TestEndWhileTheTouchIsAwaited(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		w.do(provisioning.Write{}, provisioning.End{})
		if k.open {
			t.Error("the token is still held")
		}
		if diff := cmp.Diff([]string{"1234"}, w.doubtful()); diff != "" {
			t.Error(diff)
		}
		if w.row().ID != "" {
			t.Error("the visit goes on")
		}
	})
}

// A desk that seals another seed than it writes never gets to "registered".
func TestABrokenSealNeverRegisters(t *testing.T) {
	for name, swap := range map[string]func([]byte) []byte{
		"zeros":   func(s []byte) []byte { return make([]byte, len(s)) },
		"another": func(s []byte) []byte { return bytes.Repeat([]byte{7}, len(s)) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.vault.swap = swap
				k := newKey("1234")
				w.toCheck(k)
				w.do(provisioning.Write{})
				k.touches <- k.press()
				synctest.Wait()
				w.ack()
				w.at(provisioning.StepProblem, provisioning.CodeVerdictNoMatch)
				if diff := cmp.Diff([]string{"1234"}, w.doubtful()); diff != "" {
					t.Error(diff)
				}
				if _, open := provisioning.OpenLoan(w.ledger.Snapshot(), "e1"); open {
					t.Error("a loan began")
				}
			})
		})
	}
}

func TestVerdictsAreTakenOnce(t *testing.T) {
	for outcome, want := range map[feed.Outcome]provisioning.Code{
		feed.OffBy: provisioning.CodeVerdictOffBy, feed.Unreadable: provisioning.CodeVerdictUnreadable,
		feed.Refused: provisioning.CodeVerdictRefused, "later": provisioning.CodeVerdictUnreadable,
	} {
		inWorld(t, func(w *world) {
			k := newKey("1234")
			w.toCheck(k)
			w.do(provisioning.Write{})
			k.touches <- k.press()
			synctest.Wait()
			c := last(w)
			bad := feed.Ack{Verdicts: []feed.Verdict{
				{Record: c.Proof, Credential: string(c.ID), Outcome: outcome}}}
			for range 3 {
				if err := w.runner.Acknowledge(w.t.Context(), bad); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			w.at(provisioning.StepProblem, want)
			acks := 0
			for _, change := range w.ledger.Changes() {
				if change.Entry().Act == "verifier.ack" {
					acks++
					if len(change.Records()) != 0 {
						t.Error("an ack put something in the feed")
					}
				}
			}
			if acks != 1 {
				t.Errorf("%d changes for one verdict", acks)
			}
			// An in_step that comes late, or for another proof, opens nothing.
			w.ack()
			if _, open := provisioning.OpenLoan(w.ledger.Snapshot(), "e1"); open {
				t.Error("a loan began")
			}
		})
	}
}

// An ack without news makes no change: each change would be acknowledged in its turn.
func TestAcksComeToRest(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lend(newKey("1234"))
		w.ack()
		before := w.ledger.Snapshot().Position()
		for range 5 {
			w.ack()
		}
		if after := w.ledger.Snapshot().Position(); after != before {
			t.Errorf("%d changes for five acks without news", after-before)
		}
	})
}

// Five posts of one form at once have one effect and one answer.
func TestFivePosts(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		o := w.order(provisioning.Write{})
		post := func(want error) {
			t.Helper()
			var posts sync.WaitGroup
			for range 5 {
				posts.Go(func() {
					id, err := w.runner.Do(w.t.Context(), o)
					if id != w.visit || !errors.Is(err, want) {
						t.Errorf("%q, %v", id, err)
					}
				})
			}
			posts.Wait()
			synctest.Wait()
		}
		post(nil)
		if k.writes != 1 || len(w.vault.seeds) != 1 {
			t.Errorf("written %d times, %d seeds", k.writes, len(w.vault.seeds))
		}
		k.touches <- k.press()
		synctest.Wait()
		w.ack()
		o = w.order(provisioning.Again{})
		post(provisioning.Refuse(provisioning.CodeWrongStep))
		o = w.order(provisioning.Choose{Errand: provisioning.ErrandReturn})
		post(nil)
		o = w.order(provisioning.TakeBack{Loan: w.row().Loan})
		post(nil)
		w.at(provisioning.StepDone, "")
	})
}
