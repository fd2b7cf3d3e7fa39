package officer

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

const rightPIN = "271828"

type fixture struct {
	*Officers
	ledger *provisioningtest.Ledger
	now    atomic.Int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{ledger: provisioningtest.NewLedger()}
	f.now.Store(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).Unix())
	f.Officers = New(f.ledger, "desk-1", func() (time.Time, bool) {
		return time.Unix(f.now.Load(), 0).UTC(), true
	}, Tokens{})
	row := provisioning.Officer{ID: "sousa", Name: "M. Sousa", Person: "E100"}
	if err := f.Add(t.Context(), "operator:root", row, secret.NewPIN(rightPIN)); err != nil {
		t.Fatal(err)
	}
	return f
}

// cheapen gives the officer the same PIN under a hash that costs nothing: the test counts tries.
func (f *fixture) cheapen(t *testing.T) {
	t.Helper()
	err := f.amend(t.Context(), "operator:root", "test", "sousa",
		func(row *provisioning.Officer) { row.PINHash = cheapHash() })
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) check(t *testing.T, id, pin string) error {
	t.Helper()
	_, err := f.Check(t.Context(), provisioning.OfficerID(id), secret.NewPIN(pin))
	return err
}

func wants(t *testing.T, err error, code provisioning.Code) {
	t.Helper()
	if !errors.Is(err, provisioning.Refuse(code)) {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestRightAndWrong(t *testing.T) {
	f := newFixture(t)
	if err := f.check(t, "sousa", rightPIN); err != nil {
		t.Errorf("right PIN: %v", err)
	}
	wants(t, f.check(t, "sousa", "271829"), CodePINWrong)
	wants(t, f.check(t, "nobody", rightPIN), CodePINUnknown)
	wants(t, f.Add(t.Context(), "op", provisioning.Officer{ID: "sousa"}, secret.NewPIN("593021")),
		CodeTaken)
}

func TestLocksAfterFiveAndForGoodAfterTen(t *testing.T) {
	f := newFixture(t)
	f.cheapen(t)
	for range Tries {
		wants(t, f.check(t, "sousa", "000001"), CodePINWrong)
	}
	wants(t, f.check(t, "sousa", rightPIN), CodePINLocked)
	f.now.Add(61)
	for range MostTries - Tries - 1 {
		wants(t, f.check(t, "sousa", "000001"), CodePINWrong)
	}
	wants(t, f.check(t, "sousa", "000001"), CodeLockedOut)
	f.now.Add(365 * 24 * 3600)
	f.Officers = New(f.ledger, "desk-1", f.clock, Tokens{}) // a restart forgives nothing
	wants(t, f.check(t, "sousa", rightPIN), CodeLockedOut)
	if err := f.Lift(t.Context(), "operator:root", "sousa"); err != nil {
		t.Fatal(err)
	}
	if err := f.check(t, "sousa", rightPIN); err != nil {
		t.Errorf("after it was lifted: %v", err)
	}
	wants(t, f.check(t, "sousa", "000001"), CodePINWrong)
}

// TestTenthTryMayStillBeRight: what locks for good is the tenth failure, not the tenth try.
func TestTenthTryMayStillBeRight(t *testing.T) {
	f := newFixture(t)
	f.cheapen(t)
	for i := range MostTries - 1 {
		f.now.Add(61)
		if err := f.check(t, "sousa", "000001"); err == nil {
			t.Fatalf("try %d was right", i)
		}
	}
	f.now.Add(61)
	if err := f.check(t, "sousa", rightPIN); err != nil {
		t.Errorf("the tenth try: %v", err)
	}
}

func TestFiftyAtOnce(t *testing.T) {
	f := newFixture(t)
	var wrong, locked atomic.Int64
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			err := f.check(t, "sousa", "000001")
			switch {
			case errors.Is(err, provisioning.Refuse(CodePINWrong)):
				wrong.Add(1)
			case errors.Is(err, provisioning.Refuse(CodePINLocked)):
				locked.Add(1)
			}
		})
	}
	wait.Wait()
	if wrong.Load() != Tries || locked.Load() != 50-Tries {
		t.Errorf("%d judged and %d locked out, want %d and %d", wrong.Load(), locked.Load(),
			Tries, 50-Tries)
	}
}

func TestOperatorActs(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	if err := f.Disable(ctx, "operator:root", "sousa"); err != nil {
		t.Fatal(err)
	}
	wants(t, f.check(t, "sousa", rightPIN), CodeDisabled)
	if err := f.Enable(ctx, "operator:root", "sousa"); err != nil {
		t.Fatal(err)
	}
	if err := f.SetPIN(ctx, "operator:root", "sousa", secret.NewPIN("618033")); err != nil {
		t.Fatal(err)
	}
	wants(t, f.check(t, "sousa", rightPIN), CodePINWrong)
	if err := f.check(t, "sousa", "618033"); err != nil {
		t.Error(err)
	}
	if list := f.List(); len(list) != 1 || list[0].ID != "sousa" {
		t.Errorf("list: %v", list)
	}
}

func TestWeakPINs(t *testing.T) {
	for pin, want := range map[string]bool{
		"27182": true, "111111": true, "123456": true, "987654": true, "27182a": true,
		"2718281828459": true, "271828": false, "112233": false,
	} {
		if weak(secret.NewPIN(pin)) != want {
			t.Errorf("weak(%d digits) is %v, want %v", len(pin), !want, want)
		}
	}
}
