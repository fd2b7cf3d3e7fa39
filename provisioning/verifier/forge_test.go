package verifier_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

// forger serves a desk's feed over mutual TLS as an honest desk does, until it is given a lie.
type forger struct {
	*counter
	desk *feedtest.Desk
	// mu is held while the desk commits what it will lie about.
	mu  sync.Mutex
	lie atomic.Pointer[lie]
	// asked counts the calls about its log. Who it is, is asked under alarm, too: it may be a copy
	// that has to be told.
	asked atomic.Int64
}

// lie says how the truth is changed on its way out. What is nil changes nothing.
type lie struct {
	meta func(*feed.Meta)
	page func(after int64, limit int, p *feed.Page)
	// answer takes the whole answer over, if it says so.
	answer func(w http.ResponseWriter, r *http.Request, body []byte) bool
}

// forge serves a desk that may lie.
func (r *rig) forge(t testing.TB, id string) *forger {
	t.Helper()
	desk, err := feedtest.NewDesk(id, r.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{desk: desk}
	f.serve(t, r)
	return f
}

// serve opens a listener of its own for the desk.
func (f *forger) serve(t testing.TB, r *rig) {
	t.Helper()
	desk := f.desk
	cert, pin, err := feedtest.Certificate(desk.ID, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(tls.NewListener(listener, feed.ServerTLS(cert, r.Bundle.FollowerPin)))
	}()
	stop := sync.OnceFunc(func() { _ = server.Close(); <-done })
	t.Cleanup(stop)
	f.counter = &counter{Desk: desk, stop: stop, card: feed.DeskCard{Version: feed.Version,
		Desk: desk.ID, Site: desk.Site, FeedURL: "https://" + listener.Addr().String(),
		LogKey: desk.LogKey, TLSPin: pin}}
}

// ServeHTTP answers the three calls of the contract.
func (f *forger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == feed.PathRecords || r.URL.Path == feed.PathAcks {
		f.asked.Add(1)
	}
	if r.Header.Get("Prefer") != "" {
		f.wait(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.lie.Load()
	if told == nil {
		told = &lie{}
	}
	recorder := httptest.NewRecorder()
	switch r.URL.Path {
	case feed.PathMeta:
		meta := f.desk.Meta()
		if told.meta != nil {
			told.meta(&meta)
		}
		send(recorder, meta)
	case feed.PathRecords:
		f.records(recorder, r, told)
	case feed.PathAcks:
		body, _ := io.ReadAll(r.Body)
		ack, err := feed.DecodeAck(body)
		if err != nil {
			recorder.WriteHeader(http.StatusBadRequest)
			break
		}
		_ = f.desk.Acknowledge(r.Context(), ack)
		send(recorder, struct{}{})
	}
	body := recorder.Body.Bytes()
	if told.answer != nil && told.answer(w, r, body) {
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(body)
}

func (f *forger) records(w http.ResponseWriter, r *http.Request, told *lie) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	after := asked(r)
	page, err := f.desk.Page(min(after, f.desk.Head()), limit)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if told.page != nil {
		told.page(after, limit, &page)
	}
	send(w, page)
}

// wait is the long poll. It ends when the desk begins to lie, too.
func (f *forger) wait(r *http.Request) {
	f.mu.Lock()
	desk := f.desk
	f.mu.Unlock()
	for desk.FeedHead() <= asked(r) && f.lie.Load() == nil && r.Context().Err() == nil {
		select {
		case <-desk.FeedChanged():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func asked(r *http.Request) int64 {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	return after
}

func send(w http.ResponseWriter, message any) { _ = json.NewEncoder(w).Encode(message) }
