package kiosk

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/pages"
)

// TestNewDown: every page of a desk that could not begin says so, and a form is not taken; what a
// page looks like is there.
func TestNewDown(t *testing.T) {
	h := NewDown(slog.New(slog.DiscardHandler))
	for _, c := range []struct{ method, path string }{
		{"GET", pages.PathHome}, {"GET", pages.PathOutward}, {"POST", "/unlock"}, {"GET", "/visit/1"},
	} {
		r := httptest.NewRequest(c.method, "http://127.0.0.1"+c.path, nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "cannot write to its disk") {
			t.Errorf("%s %s: %d\n%.300s", c.method, c.path, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/visit/1/live", nil)
	r.Header.Set("Accept", "text/event-stream")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "event: down\n") {
		t.Errorf("a page that was open: %d\n%s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+pages.PathAssets+"none", nil))
	if w.Code == http.StatusServiceUnavailable {
		t.Error("what a page looks like is not there")
	}
}
