package main

import (
	"bytes"
	"testing"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// takeBack is the whole return, from the card to the goodbye.
func (w *whole) takeBack(p provisioning.Person, key *virtual.Key) {
	w.t.Helper()
	w.errand(p, "Return token")
	w.plug(key)
	w.sees("Take this token back")
	w.b.Press("Wipe and return")
	w.sees("Wiped and back in the drawer. The loan is closed.")
	w.finish()
}

// lose reports the token lost by somebody who shows a card.
func (w *whole) lose(p provisioning.Person) {
	w.t.Helper()
	w.errand(p, "Lost token")
	w.b.Press("Report lost")
	w.sees("The sign-in service does not accept it any more.")
}

// settle settles the fee of a person, and leaves the page that says so.
func (w *whole) settle(p provisioning.Person, way, reference string) {
	w.t.Helper()
	w.errand(p, "Settle the fee")
	w.b.Follow(way)
	w.b.Press("Record", "reference", reference)
	w.sees("Fee settled")
}

// doubtful opens the list of tokens in doubt and says whether this one is there.
func (w *whole) doubtful(key *virtual.Key) bool {
	w.t.Helper()
	w.b.Open("/doubtful")
	w.says("Tokens in doubt")
	return w.b.Page.Says(spelt(key))
}

// TestWholeReturn: the slot is empty, the loan closed, the old OTPs worth nothing, and the next
// person's token has another seed.
func TestWholeReturn(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	first, second, key := w.person("CHAN"), w.person("WONG"), w.key(17390101)
	w.lend(first, key)
	delivered := key.Slots()[0]
	before, kept := w.seed(key), w.typed(key)

	w.takeBack(first, key)
	if w.seed(key) != nil || key.Slots()[1].Configured {
		t.Error("the slot still holds something")
	}
	if key.Slots()[0] != delivered {
		t.Error("the slot that is not ours was touched")
	}
	w.signIn(first, kept, false)
	w.card(first)
	w.says("Token on loan None")
	if !w.b.Page.Has("Phone cannot run the app") {
		t.Error("nothing can be lent to them again")
	}
	w.b.Press("End this visit")

	w.lend(second, key)
	if bytes.Equal(w.seed(key), before) || w.seed(key) == nil {
		t.Error("the next loan has the seed of the one before")
	}
	w.works(second, key)
	w.signIn(first, kept, false)
	w.signIn(second, kept, false)
}

// TestWholeLost: with a card the token is blocked for good and the fee is due. Nobody is told that
// it is blocked before the sign-in service has it.
func TestWholeLost(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p, key := w.person("CHAN"), w.key(17390102)
	w.lend(p, key)
	w.central.connect(false)
	w.errand(p, "Lost token")
	w.says("It still works until the sign-in service has it")
	w.b.Press("Report lost")
	w.sees("It still works until the sign-in service has it. This page says when.", "MOP$235.00")
	w.hides("does not accept it any more")
	if n := w.held("active"); n != 1 {
		t.Errorf("%d credentials are active at the verifier, want the lost one", n)
	}
	w.central.connect(true)
	w.sees("The sign-in service does not accept it any more.")
	w.hides("It still works")
	w.finish()
	w.signIn(p, w.typed(key), false)

	w.settle(p, "Paid", "R-2211")
	w.says("MOP$235.00", "The fee is now: Paid.")
	w.finish()
	w.settle(p, "Reverse it", "charged twice")
	w.says("The fee is now: Reversed.")
	w.finish()

	again := w.key(17390103)
	w.lend(p, again)
	w.lose(p)
	w.finish()
	w.settle(p, "Waive it", "stolen, police report seen")
	w.says("The fee is now: Waived.")
	w.finish()
	w.card(p)
	if w.b.Page.Has("Settle the fee") {
		t.Error("a waived fee can be settled again")
	}
	w.refusesToLend(key)
}

// refusesToLend plugs a token into a loan that has begun and sees it refused.
func (w *whole) refusesToLend(key *virtual.Key) {
	w.t.Helper()
	w.b.Press("Phone cannot run the app", "match", "yes", "evidence", "university_card")
	w.plug(key)
	w.sees("This token was reported lost")
}

// TestWholeSuspended: a loss without a card can be lifted with card and token, and only so.
func TestWholeSuspended(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p, key := w.person("CHAN"), w.key(17390102)
	w.lend(p, key)
	w.card(p)
	w.b.Press("Lost token")
	w.says("it is suspended")
	w.hides("MOP$")
	w.b.Press("Suspend it")
	w.sees("Token suspended", "The sign-in service does not accept it.")
	w.finish()
	w.signIn(p, w.typed(key), false)

	w.errand(p, "Lift suspension")
	w.sees("Plug a token")
	other := w.key(17390103)
	w.plug(other)
	w.sees("This is another token")
	w.pull(other)
	w.plug(key)
	w.sees("Lift the suspension?")
	w.b.Press("Lift it")
	w.sees("The token works again.")
	w.hides("once the sign-in service has it")
	w.finish()
	w.works(p, key)
}

// TestWholeVoid: a wrong hand-over is undone, and the token is in doubt until it is seen again.
func TestWholeVoid(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "unimas"})
	p, key := w.person("AISYAH"), w.key(17390102)
	w.lend(p, key)
	w.errand(p, "Undo hand-over")
	w.b.Press("Wrong person")
	w.sees("The loan is void and the token is not accepted any more.")
	w.finish()
	w.signIn(p, w.typed(key), false)
	if !w.doubtful(key) {
		t.Error("the token is not listed")
	}
	w.b.Open("/ready")
	w.lend(w.person("LING"), key)
	w.works(w.person("LING"), key)
	if w.doubtful(key) {
		t.Error("a token that was written anew and proven is still in doubt")
	}
}
