package kiosk

import (
	"net/http/httptest"
	"testing"
)

// TestEventFormat: every line of the data is a field of its own, and ids go on rising after a
// reconnect.
func TestEventFormat(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/ready/live", nil)
	r.Header.Set("Last-Event-ID", "41")
	out := newEventWriter(w, r)
	for _, data := range []string{"one", "two\nthree\r\nfour\rfive\n", ""} {
		if err := out.event("fragment", data); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.comment(); err != nil {
		t.Fatal(err)
	}
	want := "id: 42\nevent: fragment\ndata: one\n\n" +
		"id: 43\nevent: fragment\ndata: two\ndata: three\ndata: four\ndata: five\ndata: \n\n" +
		"id: 44\nevent: fragment\ndata: \n\n: still here\n\n"
	if got := w.Body.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	for _, bad := range []string{"", "-3", "x", "99999999999999999999"} {
		r.Header.Set("Last-Event-ID", bad)
		if out := newEventWriter(httptest.NewRecorder(), r); out.next != 1 {
			t.Errorf("after id %q the next is %d", bad, out.next)
		}
	}
}
