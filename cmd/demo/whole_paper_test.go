package main

import (
	"image/png"
	"net/http"
	"testing"
)

// TestWholePaper: a printer out of paper changes nothing of a loan. The token works, and with
// paper the same button prints the slip, which then lies on the workbench.
func TestWholePaper(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p, key := w.person("CHAN"), w.key(17390102)
	w.toTouch(p, key)
	w.touch(key)
	w.sees("registered with the sign-in service and works now")
	w.paper.SetOut(true)
	w.b.Press("Print slip")
	w.says("The printer is out of paper", "Everything else is done and stands.")
	w.works(p, key)
	if w.paper.Printed() != 0 || w.paper.Hanging() != 0 {
		t.Error("something was printed without paper")
	}
	w.paper.SetOut(false)
	w.b.Press("Print slip")
	w.sees("Type the number")
	if n := w.paper.Printed(); n != 1 {
		t.Errorf("%d slips were printed", n)
	}
	answer, err := http.Get("http://" + w.bench.Addr().String() + "/paper.png")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	slip, err := png.Decode(answer.Body)
	if err != nil || slip.Bounds().Dx() != paperWidth || slip.Bounds().Dy() < 400 {
		t.Errorf("the slip on the workbench: %v", err)
	}
}
