package visit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDead = errors.New("the disk is gone")

// mortal is a ledger that dies at its n-th commit: before it is durable, or after, without anybody
// hearing of it. Nothing is committed from then on.
type mortal struct {
	*provisioningtest.Ledger
	lives   atomic.Int64 // 0 is for ever
	happens bool
	dead    atomic.Bool
}

func (m *mortal) Do(
	ctx context.Context, decide func(provisioning.Snapshot) (provisioning.Change, error),
) (int64, error) {
	dying := false
	position, err := m.Ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		if m.dead.Load() {
			return provisioning.Change{}, errDead
		}
		change, err := decide(s)
		if err != nil || m.lives.Load() == 0 || m.lives.Add(-1) > 0 {
			return change, err
		}
		dying = true
		m.dead.Store(true)
		if !m.happens {
			return provisioning.Change{}, errDead
		}
		return change, nil
	})
	if dying {
		return position, errDead
	}
	return position, err
}

func (m *mortal) revive() {
	m.lives.Store(0)
	m.dead.Store(false)
}

// shift is a morning at the counter: a loan, its return, another loan, and its loss. Once the desk
// is dead nothing answers, and everybody goes on regardless.
func (w *world) shift(k *key) {
	try := func(commands ...provisioning.Command) {
		for _, c := range commands {
			if w.try(c) != nil {
				return
			}
		}
	}
	for _, errand := range []provisioning.Errand{provisioning.ErrandReturn, provisioning.ErrandLost} {
		try(chan1(), provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard},
			provisioning.Choose{Errand: provisioning.ErrandLoan},
			provisioning.Ask{Reason: "phone_unsupported", PhoneSeen: true},
			provisioning.Turn{Away: true}, provisioning.Agree{Terms: "2026-09"}, provisioning.Turn{},
			provisioning.Write{})
		if w.row().Progress == provisioning.ProgressTouch {
			k.touches <- k.press()
			synctest.Wait()
		}
		if !w.ledger.dead.Load() {
			w.ack()
		}
		try(provisioning.Choose{Errand: errand})
		if errand == provisioning.ErrandReturn {
			try(provisioning.TakeBack{Loan: w.row().Loan}, provisioning.End{})
		} else {
			try(provisioning.ReportLost{Loan: w.row().Loan}, provisioning.End{})
		}
	}
}

// The desk dies at every commit of a morning, both ways, and is started again. What the token
// itself holds is the judge: either it is the credential that is active, or the token is listed.
func TestDeathAtEveryCommit(t *testing.T) {
	total := 0
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.bench.plug(k)
		w.shift(k)
		total = len(w.ledger.Changes())
		if w.token("1234").State != provisioning.TokenLost {
			t.Fatalf("the morning did not end as it should: %+v", w.row())
		}
	})
	doubts := 0
	for n := 1; n <= total; n++ {
		for _, happens := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d/%v", n, happens), func(t *testing.T) {
				inWorld(t, func(w *world) {
					k := newKey("1234")
					w.bench.plug(k)
					w.ledger.happens = happens
					w.ledger.lives.Store(int64(n))
					w.shift(k)
					w.stop()
					if !w.ledger.dead.Load() {
						t.Fatal("the desk survived")
					}
					w.ledger.revive()
					w.start()
					synctest.Wait()
					w.judge(k)
					doubts += len(w.doubtful())
					w.servesOn(k)
				})
			})
		}
	}
	if doubts == 0 {
		t.Error("no death left a doubt: the test tests nothing")
	}
}

// judge compares what the token holds with what the desk says of it.
func (w *world) judge(k *key) {
	w.t.Helper()
	if k.open {
		w.t.Error("the token is still held")
	}
	s := w.ledger.Snapshot()
	held := provisioning.CredentialID("")
	for id, seed := range w.vault.seeds {
		if bytes.Equal(seed, k.seed) {
			held = provisioning.CredentialID(id)
		}
	}
	for c := range provisioning.All[provisioning.Credential](s) {
		switch c.State {
		case provisioning.CredentialPrepared, provisioning.CredentialWritten:
			w.t.Errorf("a credential is %s after a start", c.State)
		case provisioning.CredentialActive, provisioning.CredentialProven:
			if c.ID != held {
				w.t.Errorf("a credential is %s, and the token holds another", c.State)
			}
		}
	}
	token := w.token("1234")
	if token.Pending != provisioning.ActNone {
		w.t.Errorf("a %s is still pending", token.Pending)
	}
	c, _ := provisioning.Get[provisioning.Credential](s, string(held))
	accounted := k.seed == nil || c.State == provisioning.CredentialActive ||
		c.State == provisioning.CredentialProven || token.State == provisioning.TokenLost ||
		len(w.doubtful()) == 1
	if !accounted {
		w.t.Errorf("the token holds a credential that is %q; it is %s, and not listed",
			c.State, token.State)
	}
}

// servesOn: whatever was left behind, the counter works, and the token can be lent again unless it
// is with somebody, or lost.
func (w *world) servesOn(k *key) {
	w.t.Helper()
	for v := range provisioning.All[provisioning.Visit](w.ledger.Snapshot()) {
		w.visit = v.ID
		if v.State == provisioning.VisitHeld {
			w.do(provisioning.Resume{})
		}
		if w.row().Step != provisioning.StepVerify {
			w.do(provisioning.End{})
		}
	}
	w.ack()
	switch w.token("1234").State {
	case provisioning.TokenLost, provisioning.TokenLoaned:
		return
	}
	w.visit = ""
	if _, known := provisioning.Get[provisioning.Token](w.ledger.Snapshot(), "yubikey/1234"); known {
		w.do(provisioning.Restock{Token: "yubikey/1234"})
	}
	w.do(provisioning.Open{Person: provisioning.Person{ID: "e2", Account: "ng", Role: "staff"}},
		provisioning.Confirm{Evidence: provisioning.EvidencePassport},
		provisioning.Choose{Errand: provisioning.ErrandLoan},
		provisioning.Ask{Reason: "no_phone"}, provisioning.Turn{Away: true},
		provisioning.Agree{Terms: "2026-09"}, provisioning.Turn{}, provisioning.Write{})
	k.touches <- k.press()
	synctest.Wait()
	w.ack()
	w.at(provisioning.StepDone, "")
	if len(w.doubtful()) != 0 {
		w.t.Errorf("still in doubt: %v", w.doubtful())
	}
}

// A desk that is stopped in order gives the token back; the touch it waited for is lost with it.
func TestStoppedWhileTheTouchIsAwaited(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		w.do(provisioning.Write{})
		w.stop()
		if k.open {
			t.Error("the token is still held")
		}
		w.start()
		synctest.Wait()
		v := w.at(provisioning.StepProblem, provisioning.CodeInterrupted)
		if v.State != provisioning.VisitHeld || len(w.doubtful()) != 1 {
			t.Errorf("the visit is %s, in doubt %v", v.State, w.doubtful())
		}
		w.do(provisioning.Resume{}, provisioning.Again{}, provisioning.Write{})
		k.touches <- k.press()
		synctest.Wait()
		w.ack()
		w.at(provisioning.StepDone, "")
	})
}
