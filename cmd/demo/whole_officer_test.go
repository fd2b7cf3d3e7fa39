package main

import (
	"testing"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// finger touches a token once the desk waits for it.
func (w *whole) finger(key *virtual.Key) {
	w.t.Helper()
	w.until("the token waits for a touch", key.Waiting)
	if _, err := key.Touch(1); err != nil {
		w.t.Fatal(err)
	}
}

// TestWholeOfficersToken: lent like any other, made a key at the desk, then one touch and the PIN
// unlock, a touch voids, a return ends it, and a disabled officer's screen ends at the next request.
func TestWholeOfficersToken(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	me, key, lead := w.person("LEONG"), w.key(17390101), string(officers[1].id)
	w.lend(me, key)
	w.b.Press("Lock")
	w.plug(key)
	w.b.Open("/")
	w.hides("Their token is plugged in")
	w.b.Press("Unlock", "officer", lead, "pin", w.pin) // the demonstration lets a PIN alone do

	w.b.Follow("Your own token")
	w.says("Make this token your key", "Slot 1 holds something", spelt(key))
	w.b.Press("Erase the slot and make it my key")
	w.sees("Touch your token")
	w.finger(key)
	w.sees("This token is your key", "you unlock the desk with your PIN and one touch")
	if slots := key.Slots(); !slots[0].Challenge || !slots[0].NeedsTouch || !slots[1].HOTP {
		t.Errorf("the slots are %+v", slots)
	}

	w.b.Press("Lock")
	w.until("the desk knows the token again", func() bool {
		w.b.Open("/")
		return w.b.Page.Says("Their token is plugged in")
	})
	w.b.Press("Unlock", "pin", w.pin) // the token has picked the name
	w.sees("Unlock the desk", "Touch your token")
	w.b.Press("Cancel")
	w.sees("Who is at the desk?")
	w.b.Press("Unlock", "officer", lead, "pin", w.pin)
	w.finger(key)
	w.sees("Type the number")
	w.hides("It is on loan")

	other, theirs := w.person("CHAN"), w.key(17390102)
	w.tokens.Unplug(key)
	w.lend(other, theirs)
	w.errand(other, "Undo hand-over")
	w.b.Press("Wrong person")
	w.sees("Undo a hand-over", "Plug in your token")
	if !w.loanOpen(other) {
		t.Error("the loan was voided without a touch")
	}
	w.plug(key)
	w.finger(key)
	w.sees("Hand-over undone")
	if w.loanOpen(other) {
		t.Error("the loan was not voided")
	}
	w.finish()

	err := w.desk.Officers().Disable(t.Context(), "operator:test", officers[1].id)
	if err != nil {
		t.Fatal(err)
	}
	w.b.Open("/ready")
	w.says("Who is at the desk?")

	w.unlock()
	w.pull(key)
	w.takeBack(me, key)
	if slots := key.Slots(); slots[0].Configured || slots[1].Configured {
		t.Errorf("after the return the slots are %+v", slots)
	}
	if _, has := provisioning.KeyOf(w.desk.Snapshot(), officers[1].id); has {
		t.Error("a returned token still is a key")
	}
}

func (w *whole) loanOpen(p provisioning.Person) bool {
	_, open := provisioning.OpenLoan(w.desk.Snapshot(), p.ID)
	return open
}
