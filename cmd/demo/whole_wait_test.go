package main

import (
	"regexp"
	"testing"
)

// pickUp is the reference a parked token is found by.
var pickUp = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`)

// TestWholeParked: the sign-in service is cut off, so the token is proven and not registered. It is
// kept at the desk, the next person is served, and it is handed over once it is registered.
func TestWholeParked(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um"}, func(st *stage) { st.central.connect(false) })
	w.unlock()
	w.sees("Sign-in service silent")
	p, key := w.person("CHAN"), w.key(17390102)
	w.toTouch(p, key)
	w.touch(key)
	w.sees("The sign-in service is silent", "not registered yet")
	w.hides("works now")
	w.pull(key)
	w.b.Press("Keep it for pick-up")
	w.says("The token cannot be used before it is registered.", spelt(key))
	reference := pickUp.FindString(w.b.Page.Text)
	w.b.Press("No slip")
	w.sees("1 proven, waiting")

	w.card(w.person("WONG"))
	w.b.Press("End this visit")
	w.sees("1 proven, waiting")

	otp := w.typed(key)
	w.central.connect(true)
	w.sees("1 ready for pick-up")
	w.b.Follow("1 ready for pick-up")
	w.says(p.Name, spelt(key), "Registered, hand it over")
	if reference == "" || !w.b.Page.Says(reference) {
		t.Errorf("the list does not have the reference %q:\n%s", reference, w.b.Page.Text)
	}
	w.b.Press("Hand over")
	w.says("It is registered with the sign-in service and works now.")
	w.finish()
	w.hides("ready for pick-up", "proven, waiting")
	w.signIn(p, otp, true)
	w.works(p, key)
}

// TestWholeStopped: somebody stops a loan whose token is proven already. Whatever the sign-in
// service makes of it, the token is in doubt and signs nobody in.
func TestWholeStopped(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "unimas"}, func(st *stage) { st.central.connect(false) })
	w.unlock()
	p, key := w.person("AISYAH"), w.key(17390102)
	w.toTouch(p, key)
	w.touch(key)
	w.sees("The sign-in service is silent")
	w.b.Press("Stop this loan")
	w.sees("1 token in doubt")
	w.central.connect(true)
	w.sees("Sign-in service Directory")
	w.settled()
	w.signIn(p, w.typed(key), false)
	if !w.doubtful(key) {
		t.Error("the token is not listed")
	}
}
