package main

import (
	"testing"

	"go.uber.org/goleak"
)

// restarted stops a desk and everything around it, and starts it again on the same state.
func (w *whole) restarted() *whole {
	w.t.Helper()
	w.b.Client().CloseIdleConnections()
	w.stop()
	return begin(w.t, w.settings, nil)
}

// TestWholeRestart: loans, waiting visits and doubts outlive the desk, and tokens what they hold.
func TestWholeRestart(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um", state: t.TempDir()})
	lent, cut, held := w.person("CHAN"), w.person("WONG"), w.person("LEONG")
	key, other := w.key(17390102), w.key(17390103)
	w.lend(lent, key)
	w.errand(held, "Phone cannot run the app")
	w.sees("Plug a token into the port")
	w.b.Press("Lock")
	w.says("1 visit is waiting for its officer.")
	w.unlock()
	w.toTouch(cut, other) // and the power goes

	w = w.restarted()
	w.b.Open("/")
	w.says("2 visits are waiting for their officers.")
	w.unlock()
	w.says("2 visits waiting", "1 token in doubt")
	if w.doubtful(key) || !w.doubtful(w.key(17390103)) {
		t.Errorf("the list of tokens in doubt says:\n%s", w.b.Page.Text)
	}
	w.b.Open("/held")
	w.says(held.Name, cut.Name)
	w.card(cut)
	w.says("The desk stopped in the middle of this", "The token works nowhere")
	w.again(saysUnproven, w.key(17390103))
	w.write()
	w.sees("Touch the gold disc")
	w.touch(w.key(17390103))
	w.sees("works now")
	w.handOver(w.key(17390103))
	w.works(cut, w.key(17390103))

	w.card(held)
	w.says("Plug a token into the port")
	w.b.Press("Back to choices")
	w.b.Press("End this visit")
	w.works(lent, w.key(17390102))
	w.takeBack(lent, w.key(17390102))
}

// TestWholeStop: a desk that was used and stops leaves nothing running. It runs alone.
func TestWholeStop(t *testing.T) {
	before := goleak.IgnoreCurrent()
	w := unlocked(t, settings{site: "unimas"})
	w.toTouch(w.person("AISYAH"), w.key(17390102))
	w.b.Client().CloseIdleConnections()
	w.stop()
	goleak.VerifyNone(t, before)
}
