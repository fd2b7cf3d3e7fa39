package main

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// The sentences that end a try that failed. Each says what was and was not done.
const (
	saysUntouched = "Nothing was written"
	saysMoved     = "The older page changed nothing."
	saysUnknown   = "Nobody can say whether the write was finished. The token works nowhere"
	saysUnproven  = "A secret was written and not proven. The token works nowhere"
)

// TestWholeImitation: a token that acknowledges a seed and types from another never gets as far as
// the sign-in service.
func TestWholeImitation(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p, key := w.person("CHAN"), w.key(17390102)
	key.Misbehave(virtual.Fault{Corrupt: true})
	w.toTouch(p, key)
	for range 3 {
		w.press(key)
		w.sooner("once more", saysUnproven)
	}
	for w.sooner(saysUnproven) == "" {
		w.press(key)
	}
	w.says("The token typed a code it should not have", saysUnproven, spelt(key))
	w.settled()
	if n := w.held("active"); n != 0 {
		t.Errorf("%d credentials are active at the verifier", n)
	}
	w.signIn(p, w.typed(key), false)
	if !w.doubtful(key) {
		t.Error("the token is not listed")
	}
	w.b.Open("/ready")
	w.again(saysUnproven, key)
	w.write()
	w.sees("Touch the gold disc")
	w.touch(key)
	w.sees("registered with the sign-in service and works now")
	w.finish()
	w.works(p, key)
}

// cuts are the moments at which a token is pulled out of a write: after each report the host sets,
// the last ones also without the host's learning of it, and after some that it gets. Taking the
// token over and writing it are thirteen reports.
func cuts() []virtual.Fault {
	var list []virtual.Fault
	for n := 1; n <= 13; n++ {
		list = append(list, virtual.Fault{UnplugAfterSets: n})
	}
	for n := 11; n <= 13; n++ {
		list = append(list,
			virtual.Fault{UnplugAfterSets: n, Unacknowledged: true, WriteAtOnce: true})
	}
	for _, n := range []int{3, 6, 9, 12, 15, 16, 17, 18} {
		list = append(list, virtual.Fault{UnplugAfterGets: n})
	}
	return list
}

// TestWholePulledOut pulls the token out at every moment of write and read. Each time the page says
// what was and was not done, and it is true; the next try begins at once, and the last one goes
// well.
func TestWholePulledOut(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p, key := w.person("CHAN"), w.key(17390102)
	w.toCheck(p, key)
	w.agree()
	said := map[string]int{}
	for _, cut := range cuts() {
		before := w.seed(key)
		key.Misbehave(cut)
		w.write()
		word := w.sooner(saysUntouched, saysMoved, saysUnknown, saysUnproven, "Touch the gold disc")
		said[word]++
		w.holds(fmt.Sprintf("%+v", cut), word, key, before)
		w.again(word, key)
	}
	if len(cuts())-said["Touch the gold disc"] < 20 || said[saysUnknown] == 0 ||
		said[saysUntouched] == 0 {
		t.Errorf("writes ended in %v: the cuts are not spread over the write", said)
	}
	w.readCut(key)
	w.write()
	w.sees("Touch the gold disc")
	w.touch(key)
	w.sees("registered with the sign-in service and works now")
	w.finish()
	w.works(p, key)
	if w.doubtful(key) {
		t.Error("a token that was proven is still in doubt")
	}
}

// holds compares what the page says with the token's own memory and the list of tokens in doubt.
func (w *whole) holds(cut, word string, key *virtual.Key, before []byte) {
	w.t.Helper()
	same := bytes.Equal(w.seed(key), before)
	switch {
	case word == "":
		w.t.Fatalf("%s: the page says\n%s", cut, w.b.Page.Text)
	case (word == saysUntouched || word == saysMoved) && !same:
		w.t.Errorf("%s: the page says %q, and the slot has a new secret", cut, word)
	case (word == saysUnknown || word == saysUnproven) && !w.inDoubt(key):
		w.t.Errorf("%s: the page says %q, and the token is not in doubt", cut, word)
	}
}

// inDoubt says whether the operator is told of this token.
func (w *whole) inDoubt(key *virtual.Key) bool {
	w.t.Helper()
	status, err := w.desk.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.Contains(status.Doubtful, spelt(key))
}

// again puts the healthy token back and leads the visit to the next try.
func (w *whole) again(word string, key *virtual.Key) {
	w.t.Helper()
	if word == "Touch the gold disc" {
		w.pull(key)
		w.sees(saysUnproven)
	}
	w.pull(key)
	key.Misbehave(virtual.Fault{})
	if w.b.Page.Has("Try again") {
		w.b.Press("Try again")
	}
	w.until("the desk notices that the token is gone", func() bool {
		return w.b.Reload().Says("Plug a token into the port")
	})
	w.plug(key)
	w.sees("Nothing is written yet")
}

// readCut pulls the token out while it types.
func (w *whole) readCut(key *virtual.Key) {
	w.t.Helper()
	// Six digits are twelve reports. With the thirteenth, Enter, the code is complete.
	for _, n := range []int{1, 2, 5, 8, 11, 12} {
		w.write()
		w.sees("Touch the gold disc")
		key.Misbehave(virtual.Fault{UnplugAfterInputs: n})
		for key.Plugged() {
			w.press(key)
			w.sooner(saysUnproven)
		}
		w.sees("pulled out before it was touched", saysUnproven)
		if !w.inDoubt(key) {
			w.t.Errorf("pulled out after report %d of a touch: the token is not in doubt", n)
		}
		w.again(saysUnproven, key)
	}
}
