package officer

import (
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

func TestEnrolRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*counter)
		want    provisioning.Code
	}{
		"nothing was lent": {func(c *counter) {
			c.put(provisioning.Loan{ID: "Llima", Person: "Plima", State: provisioning.LoanReturned})
		}, CodeKeyNotLent},
		"reported lost": {func(c *counter) {
			loan, _ := provisioning.OpenLoan(c.ledger.Snapshot(), "Plima")
			loan.State = provisioning.LoanSuspended
			c.put(loan)
		}, CodeKeyNotLent},
		"disabled": {func(c *counter) {
			c.must(c.Disable(c.t.Context(), "operator:root", lima))
		}, CodeDisabled},
		"not plugged in": {func(c *counter) { c.bus.Unplug(c.keys[lima]) }, CodeKeyAbsent},
		"the slot is in use": {func(c *counter) {
			c.bus.Unplug(c.keys[lima])
			c.keys[lima] = virtual.New(virtual.Options{Serial: 11111111, Delivered: true})
			c.plug(lima)
		}, provisioning.CodeSlotInUse},
		"it refuses": {func(c *counter) { c.keys[lima].Misbehave(virtual.Fault{Refuse: true}) },
			CodeKeyUnwritten},
	} {
		atCounter(t, false, func(k *counter) {
			k.plug(lima)
			time.Sleep(time.Second)
			c.prepare(k)
			time.Sleep(time.Second)
			if err := k.enrol(lima); !errors.Is(err, provisioning.Refuse(c.want)) {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
			if _, has := provisioning.KeyOf(k.ledger.Snapshot(), lima); has {
				t.Errorf("%s: enrolled all the same", name)
			}
		})
	}
}

func TestEnrolOverwritesWhenItIsConfirmed(t *testing.T) {
	atCounter(t, false, func(c *counter) {
		c.keys[lima] = virtual.New(virtual.Options{Serial: 11111111, Delivered: true})
		c.plug(lima)
		c.must(c.Enrol(c.t.Context(), lima, true, c.tell))
		c.must(c.unlock(lima, rightPIN))
		before := c.row(lima)
		c.must(c.enrol(lima)) // again: a new key in the slot that is ours now
		if after := c.row(lima); after.Nonce == before.Nonce {
			t.Error("the key is the same")
		}
		c.must(c.unlock(lima, rightPIN))
		c.tokens.KeepForeign = true
		c.keys[mello] = virtual.New(virtual.Options{Serial: 22222222, Delivered: true})
		c.plug(mello)
		wants(t, c.Enrol(c.t.Context(), mello, true, c.tell), provisioning.CodeSlotInUse)
	})
}

// TestEnrolCutAtEveryReport: a token pulled out at any moment leaves the officer with the key they
// had, or with none and the doubt on record; it is enrolled again without being asked about the slot.
func TestEnrolCutAtEveryReport(t *testing.T) {
	seen := map[string]int{}
	for gets := 1; gets <= 60; gets += 5 {
		atCounter(t, false, func(c *counter) {
			c.plug(lima)
			c.must(c.enrol(lima))
			had := c.row(lima)
			time.Sleep(time.Second)
			c.keys[lima].Misbehave(virtual.Fault{UnplugAfterGets: gets})
			err := c.enrol(lima)
			now := c.row(lima)
			_, counts := provisioning.KeyOf(c.ledger.Snapshot(), lima)
			switch {
			case err == nil && counts && now.Nonce != had.Nonce:
				seen["enrolled"]++
			case counts && now == had:
				seen["as before"]++
			case errors.Is(err, provisioning.Refuse(CodeKeyDoubtful)) && !counts &&
				now.State == provisioning.KeyIntended && now.Answers == "":
				seen["none"]++
			default:
				t.Errorf("after %d reports: %v, counts %v, %s", gets, err, counts, now.State)
			}
			c.keys[lima].Misbehave(virtual.Fault{})
			c.plug(lima)
			c.must(c.enrol(lima))
			c.must(c.unlock(lima, rightPIN))
		})
	}
	if len(seen) != 3 {
		t.Errorf("the cuts do not cover all outcomes: %v", seen)
	}
}

// TestEnrolDiesAtEveryCommit: the desk stops before any commit of an enrolment. Afterwards there is
// the whole key or none, and never one whose token was not proven.
func TestEnrolDiesAtEveryCommit(t *testing.T) {
	dead := errors.New("the desk is dead")
	for at := range 3 {
		atCounter(t, false, func(c *counter) {
			c.plug(lima)
			began := len(c.ledger.Changes())
			c.ledger.Before = func(commits int) error {
				if commits >= began+at {
					return dead
				}
				return nil
			}
			err := c.enrol(lima)
			c.ledger.Before = nil
			_, counts := provisioning.KeyOf(c.ledger.Snapshot(), lima)
			if counts != (err == nil) || counts != (at == 2) {
				t.Errorf("dead at commit %d: %v, counts %v", at, err, counts)
			}
			if written := c.keys[lima].Slots()[0].Configured; written != (at > 0) {
				t.Errorf("dead at commit %d: the token was written: %v", at, written)
			}
			if !counts {
				wants(t, c.unlock(lima, rightPIN), CodeKeyNone)
				c.must(c.Enrol(c.t.Context(), lima, true, c.tell))
			}
			c.must(c.unlock(lima, rightPIN))
		})
	}
}
