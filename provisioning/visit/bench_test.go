package visit

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
)

// toPlug brings Chan's visit to where a token is awaited.
func (w *world) toPlug() {
	w.t.Helper()
	w.do(chan1(), provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard},
		provisioning.Choose{Errand: provisioning.ErrandLoan})
}

func TestPluggingIn(t *testing.T) {
	inWorld(t, func(w *world) {
		one, two := newKey("1111"), newKey("2222")
		w.bench.plug(one)
		w.bench.plug(two)
		w.toPlug()
		w.at(provisioning.StepPlug, "")
		w.bench.pull(two)
		synctest.Wait()
		if v := w.at(provisioning.StepCheck, ""); v.Token != "yubikey/1111" {
			t.Fatalf("%+v", v)
		}
		w.bench.pull(one)
		synctest.Wait()
		if v := w.at(provisioning.StepPlug, ""); v.Token != "" {
			t.Fatalf("%+v", v)
		}
		w.bench.plug(two)
		synctest.Wait()
		w.at(provisioning.StepCheck, "")
	})
}

func TestATokenThatCannotBeLentIsANotice(t *testing.T) {
	inWorld(t, func(w *world) {
		lent := newKey("1111")
		w.lend(lent)
		w.do(provisioning.End{})
		w.do(provisioning.Open{Person: provisioning.Person{ID: "e2", Account: "ng", Role: "staff"}},
			provisioning.Confirm{Evidence: provisioning.EvidencePassport},
			provisioning.Choose{Errand: provisioning.ErrandLoan})
		if v := w.at(provisioning.StepPlug, provisioning.CodeTokenLoaned); v.Params["serial"] != "1111" {
			t.Errorf("%v", v.Params)
		}
		// It is said once, and not over and over.
		before := w.ledger.Snapshot().Position()
		w.do(provisioning.Stay{})
		if after := w.ledger.Snapshot().Position(); after != before+1 {
			t.Errorf("%d changes", after-before)
		}
		w.bench.pull(lent)
		synctest.Wait()
		w.at(provisioning.StepPlug, "")
	})
}

// A token in doubt is finished before another takes its place, or it is set aside.
func TestTheTokenInDoubtComesFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		k, other := newKey("1111"), newKey("2222")
		k.onProgram = func(int) (bool, error) {
			return true, errors.Join(provisioning.ErrGone, provisioning.ErrUnknownOutcome)
		}
		w.toCheck(k)
		w.do(provisioning.Write{})
		w.bench.pull(k)
		w.do(provisioning.Again{})
		w.at(provisioning.StepPlug, "")
		w.bench.plug(other)
		synctest.Wait()
		v := w.at(provisioning.StepPlug, provisioning.CodeTokenOther)
		want := map[string]string{"serial": "2222", "expected": "1111"}
		if diff := cmp.Diff(want, v.Params); diff != "" {
			t.Error(diff)
		}
		w.do(provisioning.SetAside{Note: "bent plug"})
		w.at(provisioning.StepCheck, "")
		if tok := w.token("1111"); tok.State != provisioning.TokenAside || tok.Note != "bent plug" {
			t.Errorf("%+v", tok)
		}
		if diff := cmp.Diff([]string{"1111"}, w.doubtful()); diff != "" {
			t.Error(diff)
		}
		w.do(provisioning.Write{})
		w.at(provisioning.StepWrite, "")
	})
}

// The token is asked who it is once more before anything is written, and what stops that is on
// record: the same form gets the same answer.
func TestTakingTheTokenOverFails(t *testing.T) {
	for want, set := range map[provisioning.Code]func(w *world, k *key){
		provisioning.CodeTokenHeld: func(w *world, _ *key) { w.bench.onOpen = provisioning.ErrHeld },
		provisioning.CodeTokenAbsent: func(w *world, _ *key) {
			w.bench.onOpen = provisioning.ErrGone
		},
		provisioning.CodeTokenNotOTP: func(w *world, _ *key) {
			w.bench.onOpen = provisioning.ErrNotOTP
		},
		provisioning.CodeTokenSilent: func(_ *world, k *key) { k.onIdentify = errors.New("odd") },
	} {
		t.Run(string(want), func(t *testing.T) {
			inWorld(t, func(w *world) {
				k := newKey("1234")
				w.toCheck(k)
				set(w, k)
				o := w.order(provisioning.Write{})
				for range 2 {
					_, err := w.runner.Do(w.t.Context(), o)
					if !errors.Is(err, provisioning.Refuse(want)) {
						t.Fatal(err)
					}
				}
				if k.open || k.writes != 0 || last(w).ID != "" {
					t.Error("something was begun")
				}
				w.bench.onOpen, k.onIdentify = nil, nil
				if _, err := w.runner.Do(w.t.Context(), o); !errors.Is(err, provisioning.Refuse(want)) {
					t.Errorf("the same form now says %v", err)
				}
				w.do(provisioning.Write{})
				w.at(provisioning.StepWrite, "")
			})
		})
	}
}

// Access codes: a slot of ours is opened by its generation or the one before, each tried once, and
// guarded by the current one.
func TestAccessCodesRotate(t *testing.T) {
	code := func(generation byte) []byte { return []byte{1, 2, 3, 4, 5, generation} }
	inWorld(t, func(w *world) {
		w.codes.generation = 1
		k := newKey("1234")
		w.lend(k)
		if !bytes.Equal(k.guard, code(1)) || w.token("1234").Generation != 1 {
			t.Fatalf("guarded by %v", k.guard)
		}
		// Cut short: nobody knows whether the slot is guarded by generation 1 or 2.
		w.do(provisioning.Void{Loan: w.row().Loan, Reason: "wrong person"})
		w.codes.generation, k.tried = 2, nil
		k.onProgram = func(int) (bool, error) { return false, provisioning.ErrUnknownOutcome }
		w.do(provisioning.Choose{Errand: provisioning.ErrandLoan}, provisioning.Write{})
		w.at(provisioning.StepProblem, provisioning.CodeWriteUnknown)
		k.onProgram, k.tried = nil, nil
		w.do(provisioning.Again{}, provisioning.Write{})
		if diff := cmp.Diff([][]byte{code(2), code(1)}, k.tried); diff != "" {
			t.Errorf("tried: %s", diff)
		}
		if !bytes.Equal(k.guard, code(2)) {
			t.Errorf("guarded by %v", k.guard)
		}
		// A slot guarded by somebody else: two tries, and no more.
		k.touches <- k.press()
		synctest.Wait()
		w.ack()
		k.guard, k.tried = []byte{9, 9, 9, 9, 9, 8}, nil
		w.do(provisioning.Choose{Errand: provisioning.ErrandReturn})
		w.do(provisioning.TakeBack{Loan: w.row().Loan})
		w.at(provisioning.StepProblem, provisioning.CodeWipeProtected)
		if len(k.tried) != 2 {
			t.Errorf("%d codes were tried", len(k.tried))
		}
	})
}
