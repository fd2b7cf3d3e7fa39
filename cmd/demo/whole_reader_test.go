package main

import (
	"context"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// TestWholeReaderPulled: a card reader that is pulled out is on the officer's screen within two
// seconds; a card that has no number for this university says so; and once the reader is back, the
// next card opens its visit.
func TestWholeReaderPulled(t *testing.T) {
	w := unlocked(t, settings{site: "um"})
	up := func() bool { return !w.b.Page.Says("No card reader") }
	if !w.await(enough, up) {
		t.Fatal("the reader does not come up")
	}
	w.reader.cable.Unplug(w.reader.reader)
	began := time.Now()
	w.sees("No card reader")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("on screen after %v", took)
	} else {
		t.Logf("on screen after %v", took)
	}
	w.reader.cable.Plug(w.reader.reader)
	if !w.await(enough, up) {
		t.Fatal("the reader does not come back")
	}
	w.reader.reader.Put(&virtual.SmartCard{UID: []byte{1, 2, 3, 4}})
	w.sees("This card has no number of this university")
	w.reader.reader.Take()
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	if err := w.reader.reader.Noticed(ctx); err != nil {
		t.Fatal(err)
	}
	w.card(w.person("CHAN"))
}
