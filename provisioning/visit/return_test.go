package visit

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
)

func TestWipeProblems(t *testing.T) {
	gone, untouched := provisioning.ErrGone, provisioning.ErrUntouched
	unknown := provisioning.ErrUnknownOutcome
	cases := map[string]struct {
		effect bool
		err    error
		want   provisioning.Code
	}{
		"pulled before":     {false, errors.Join(gone, untouched), provisioning.CodePulledBeforeWipe},
		"refused":           {false, untouched, provisioning.CodeWipeRefused},
		"protected":         {false, provisioning.ErrProtected, provisioning.CodeWipeProtected},
		"pulled while, no":  {false, errors.Join(gone, unknown), provisioning.CodePulledWiping},
		"pulled while, yes": {true, errors.Join(gone, unknown), provisioning.CodePulledWiping},
		"silent":            {true, unknown, provisioning.CodeWipeUnknown},
		"odd":               {false, errors.New("odd"), provisioning.CodeWipeUnknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				k := newKey("1234")
				w.lend(k)
				k.onErase = func(int) (bool, error) { return c.effect, c.err }
				w.do(provisioning.Choose{Errand: provisioning.ErrandReturn})
				w.do(provisioning.TakeBack{Loan: w.row().Loan})
				w.at(provisioning.StepProblem, c.want)
				if diff := cmp.Diff([]string{"1234"}, w.doubtful()); diff != "" {
					t.Error(diff)
				}
				loan, open := provisioning.OpenLoan(w.ledger.Snapshot(), "e1")
				if !open || last(w).State != provisioning.CredentialRevoked {
					t.Error("the loan ended, or the token still works")
				}
				k.onErase = nil
				w.do(provisioning.Again{})
				w.do(provisioning.TakeBack{Loan: loan.ID})
				w.at(provisioning.StepDone, "")
				if k.seed != nil || len(w.doubtful()) != 0 ||
					w.token("1234").State != provisioning.TokenStock {
					t.Error("another try did not end it")
				}
			})
		})
	}
}

func TestReturnWantsTheTokenOnLoan(t *testing.T) {
	inWorld(t, func(w *world) {
		k, other := newKey("1111"), newKey("2222")
		w.lend(k)
		w.bench.pull(k)
		w.do(provisioning.Choose{Errand: provisioning.ErrandReturn})
		w.bench.plug(other)
		synctest.Wait()
		v := w.at(provisioning.StepReturn, provisioning.CodeTokenOther)
		err := w.try(provisioning.TakeBack{Loan: v.Loan})
		if !errors.Is(err, provisioning.Refuse(provisioning.CodeTokenOther)) {
			t.Errorf("%v", err)
		}
		w.bench.pull(other)
		w.bench.plug(k)
		synctest.Wait()
		if v := w.at(provisioning.StepReturn, ""); v.Token != "yubikey/1111" {
			t.Errorf("%+v", v)
		}
	})
}

func TestRestockEndsADoubtWithoutAVisit(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		w.do(provisioning.Write{}, provisioning.End{})
		w.visit = ""
		w.do(provisioning.Restock{Token: "yubikey/1234"})
		if k.seed != nil || len(w.doubtful()) != 0 || k.open ||
			w.token("1234").State != provisioning.TokenStock {
			t.Errorf("in doubt: %v, token %+v", w.doubtful(), w.token("1234"))
		}
	})
}

func TestReinstateAtTheCounter(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.lend(k)
		w.bench.pull(k)
		w.do(provisioning.End{}, chan1(), provisioning.Choose{Errand: provisioning.ErrandLost})
		w.do(provisioning.ReportLost{Loan: w.row().Loan})
		w.do(provisioning.End{}, chan1(),
			provisioning.Confirm{Evidence: provisioning.EvidencePassport},
			provisioning.Choose{Errand: provisioning.ErrandReinstate})
		err := w.try(provisioning.Reinstate{Loan: w.row().Loan})
		if !errors.Is(err, provisioning.Refuse(provisioning.CodeTokenAbsent)) {
			t.Fatal(err)
		}
		w.bench.plug(k)
		synctest.Wait()
		w.do(provisioning.Reinstate{Loan: w.row().Loan})
		if last(w).State != provisioning.CredentialActive {
			t.Errorf("%+v", last(w))
		}
	})
}

func TestParkedUntilTheVerdict(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1111")
		w.toCheck(k)
		w.do(provisioning.Write{})
		k.touches <- k.press()
		synctest.Wait()
		time.Sleep(provisioning.IdleAfter)
		synctest.Wait()
		if v := w.at(provisioning.StepVerify, ""); v.State != provisioning.VisitParked {
			t.Fatalf("the visit is %s", v.State)
		}
		// The next person is served meanwhile, and cannot get the same token.
		parked := w.visit
		w.do(provisioning.Open{Person: provisioning.Person{ID: "e2", Account: "ng", Role: "staff"}},
			provisioning.Confirm{Evidence: provisioning.EvidencePassport},
			provisioning.Choose{Errand: provisioning.ErrandLoan})
		w.at(provisioning.StepPlug, provisioning.CodeTokenBusy)
		w.do(provisioning.End{})
		w.visit = parked
		w.ack()
		if v := w.at(provisioning.StepDone, ""); v.State != provisioning.VisitParked {
			t.Fatalf("the visit is %s", v.State)
		}
		// It waits to be picked up, however long that takes.
		time.Sleep(10 * provisioning.ParkedFor)
		w.do(provisioning.Resume{})
		if v := w.at(provisioning.StepDone, ""); v.State != provisioning.VisitOpen {
			t.Fatalf("the visit is %s", v.State)
		}
	})
}

func TestGivenUpAfterTheWeekend(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1111")
		w.toCheck(k)
		w.do(provisioning.Write{})
		k.touches <- k.press()
		synctest.Wait()
		w.do(provisioning.Park{})
		time.Sleep(provisioning.ParkedFor + time.Second)
		synctest.Wait()
		if w.row().ID != "" || last(w).State != provisioning.CredentialDoubtful {
			t.Errorf("%+v", last(w))
		}
		w.ack()
		if _, open := provisioning.OpenLoan(w.ledger.Snapshot(), "e1"); open {
			t.Error("a late verdict began a loan")
		}
	})
}

func TestIdleIsHeldThenDropped(t *testing.T) {
	inWorld(t, func(w *world) {
		w.toPlug()
		for range 12 {
			time.Sleep(provisioning.IdleAfter - time.Second)
			w.do(provisioning.Stay{})
		}
		time.Sleep(provisioning.IdleAfter)
		synctest.Wait()
		if v := w.row(); v.State != provisioning.VisitHeld {
			t.Fatalf("the visit is %s", v.State)
		}
		w.do(provisioning.Resume{}, provisioning.Hold{})
		time.Sleep(provisioning.HeldFor - time.Second)
		synctest.Wait()
		if w.row().ID == "" {
			t.Fatal("dropped too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w.row().ID != "" {
			t.Error("never dropped")
		}
	})
}
