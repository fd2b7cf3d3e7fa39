package publish_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/daemon/porter"
	"github.com/tokendesk/tokendesk/daemon/porter/portertest"
	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// places is how many connections the daemon holds on the feed's socket, and crowd how many come.
const (
	places = 512
	crowd  = 10_000
)

// boundedSite serves a desk as the daemon does, and says where.
func boundedSite(t *testing.T) (*site, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	return serve(t, porter.New(listener, places), func() (net.Conn, error) {
		return net.Dial("tcp", address)
	}), address
}

// asks calls for meta and returns how long the answer took.
func (s *site) asks(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	if status, _, body := s.do(t, "GET", feed.PathMeta, ""); status != 200 {
		t.Errorf("the verifier got %d %s", status, body)
	}
	return time.Since(began)
}

// Ten thousand connections that say nothing keep the verifier neither from its long poll nor from a
// new connection, and cost a bounded amount of memory.
func TestCrowdDoesNotKeepTheVerifierOut(t *testing.T) {
	portertest.NeedsCrowd(t, crowd)
	s, address := boundedSite(t)
	s.commit(1)
	s.asks(t)
	before := portertest.Used()
	polled := make(chan int, 1)
	go func() {
		status, _, _ := s.do(t, "GET", feed.PathRecords+"?after=1", "", "Prefer", "wait=30")
		polled <- status
	}()
	<-s.polled
	portertest.Crowd(t, address, crowd)
	grown := int64(portertest.Used()) - int64(before)
	fresh := s.asks(t)
	began := time.Now()
	s.commit(1)
	if status := <-polled; status != 200 {
		t.Errorf("the poll of before ended with %d", status)
	}
	news := time.Since(began)
	t.Logf("grown by %d KB; a new call took %v, news on an old one %v", grown>>10, fresh, news)
	if grown > 48<<20 {
		t.Errorf("the crowd costs %d bytes", grown)
	}
	if fresh > time.Second || news > time.Second {
		t.Errorf("the verifier waited %v and %v", fresh, news)
	}
}

// The verifier may be taken over: what it sends is refused, and the desk goes on.
func TestBrokenCalls(t *testing.T) {
	s, address := boundedSite(t)
	s.commit(3)
	config := s.http.Transport.(*http.Transport).TLSClientConfig
	dial := func() (net.Conn, error) { return tls.Dial("tcp", address, config) }
	for method, path := range map[string]string{"POST": feed.PathAcks,
		"GET": feed.PathRecords + "?after=0"} {
		requests := portertest.Requests(method, path)
		if method == "GET" {
			// Nobody reads a body here.
			delete(requests, "a length and chunks")
			delete(requests, "an endless chunk")
		}
		portertest.Refuses(t, dial, requests)
	}
	s.asks(t)
	if acks := s.desk.Acks(); len(acks) > 0 {
		t.Errorf("a broken ack was taken: %+v", acks)
	}
}

// Whoever speaks letter by letter is hung up on, known or not.
func TestSlowCallsAreHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := serve(t, porter.New(p, places), p.dial)
		s.commit(1)
		secure := func() (net.Conn, error) {
			raw, err := p.dial()
			return tls.Client(raw, s.http.Transport.(*http.Transport).TLSClientConfig), err
		}
		head := "POST " + feed.PathAcks + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n"
		long := strings.Repeat("X: x\r\n", 1000)
		for name, c := range map[string]struct {
			dial  func() (net.Conn, error)
			first string
			bears time.Duration
		}{
			"before it is known": {p.dial, "", 6 * time.Second},
			"in the head":        {secure, "", 7 * time.Second},
			"in the body":        {secure, head + "\r\n", 17 * time.Second},
		} {
			conn, err := c.dial()
			if err != nil {
				t.Fatal(err)
			}
			if c.first != "" {
				if _, err := io.WriteString(conn, c.first); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if borne := portertest.Drip(conn, head+long, time.Second); borne > c.bears {
				t.Errorf("%s: borne for %v", name, borne)
			}
			if waited := s.asks(t); waited > time.Second {
				t.Errorf("%s: the verifier waited %v", name, waited)
			}
		}
	})
}

// The query of a call is a stranger's, too: whatever it says, the answer is a page of what was
// asked for, or a problem.
func FuzzRecordsQuery(f *testing.F) {
	f.Add("after=0", "wait=30")
	f.Add("after=1&limit=2", "respond-async, wait=99999999999999999999")
	f.Add("after=%31&after=-1&feed=x;limit=0", "wait=-1,wait")
	desk := newDesk(f)
	s := &site{desk: desk}
	s.commit(5)
	server, err := publish.New(publish.Config{Source: desk, Acks: desk, Meta: desk.Meta})
	if err != nil {
		f.Fatal(err)
	}
	caller, _ := certificate(f, "verifier", tomorrow())
	known := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{caller.Leaf}}
	f.Fuzz(func(t *testing.T, query, prefer string) {
		// The caller is gone already, so that no poll lasts.
		ctx, gone := context.WithCancel(t.Context())
		gone()
		called := func(query string) (int, []byte) {
			r := httptest.NewRequest("GET", feed.PathRecords, nil).WithContext(ctx)
			r.URL.RawQuery, r.TLS = query, known
			r.Header.Set("Prefer", prefer)
			w := httptest.NewRecorder()
			server.Handler().ServeHTTP(w, r)
			return w.Code, w.Body.Bytes()
		}
		status, body := called(query)
		if status != 200 {
			if status >= 500 && (status != 503 || !strings.Contains(prefer, "wait")) {
				t.Fatalf("%q %q: %d %s", query, prefer, status, body)
			}
			return
		}
		page, err := feed.DecodePage(body)
		if err != nil || page.After > desk.Head() || len(page.Leaves) == 0 && page.After < page.Head {
			t.Fatalf("%q: %+v, %v", query, page, err)
		}
		limit := len(page.Leaves)
		plain := fmt.Sprintf("after=%d&limit=%d", page.After, max(1, limit))
		status, body = called(plain)
		again, err := feed.DecodePage(body)
		if status == 200 && (err != nil || again.After != page.After || len(again.Leaves) != limit) {
			t.Fatalf("%q is answered with %d leaves, and %s with %d", query, limit, plain,
				len(again.Leaves))
		}
	})
}
