package publish_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a desk that serves its feed, and a verifier's client for it.
type site struct {
	desk   *feedtest.Desk
	server *publish.Server
	base   string
	http   *http.Client
	stop   context.CancelFunc
	// polled hears of long polls that began to wait.
	polled chan struct{}
}

// source tells when somebody begins to wait for news.
type source struct {
	*feedtest.Desk
	polled chan struct{}
}

func (s source) FeedChanged() <-chan struct{} {
	select {
	case s.polled <- struct{}{}:
	default:
	}
	return s.Desk.FeedChanged()
}

func newDesk(t testing.TB) *feedtest.Desk {
	t.Helper()
	holders, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	return desk
}

func certificate(t testing.TB, name string, notAfter time.Time) (tls.Certificate, string) {
	t.Helper()
	cert, pin, err := feedtest.Certificate(name, notAfter)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pin
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

// serve starts a desk on a listener over real TLS.
func serve(t testing.TB, listener net.Listener, dial func() (net.Conn, error),
	change ...func(*publish.Config)) *site {
	t.Helper()
	s := &site{desk: newDesk(t), base: "https://desk1.test", polled: make(chan struct{}, 1)}
	var err error
	parts := publish.Config{Source: source{s.desk, s.polled}, Acks: s.desk, Meta: s.desk.Meta}
	for _, f := range change {
		f(&parts)
	}
	s.server, err = publish.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	deskCert, deskPin := certificate(t, "desk1", tomorrow())
	clientCert, clientPin := certificate(t, "verifier", tomorrow())
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	done := make(chan error, 1)
	config := publish.TLSConfig(deskCert, clientPin)
	go func() { done <- s.server.Serve(ctx, tls.NewListener(listener, config)) }()
	transport := &http.Transport{TLSClientConfig: feed.ClientTLS(clientCert, deskPin),
		DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() }}
	s.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func newSite(t testing.TB) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, listener, func() (net.Conn, error) {
		return net.Dial("tcp", listener.Addr().String())
	})
}

func (s *site) do(t testing.TB, method, path, body string,
	headers ...string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

func (s *site) records(t testing.TB, after int64, query string, headers ...string) feed.Page {
	t.Helper()
	path := fmt.Sprintf("%s?after=%d%s", feed.PathRecords, after, query)
	status, _, data := s.do(t, "GET", path, "", headers...)
	page, err := feed.DecodePage(data)
	if status != 200 || err != nil {
		t.Fatalf("%s: %d %s %v", path, status, data, err)
	}
	return page
}

func (s *site) commit(n int) {
	for range n {
		rec := s.desk.Record(feedtest.RandomID())
		rec.Kind, rec.State = feed.KindState, feed.StateRevoked
		s.desk.Commit(rec)
	}
}

func TestPagesAreWhatTheDeskHas(t *testing.T) {
	s := newSite(t)
	s.commit(3)
	s.desk.Commit()
	for _, c := range []struct {
		after int64
		limit int
	}{{0, 2}, {2, 500}, {4, 1}, {0, 500}} {
		want, err := s.desk.Page(c.after, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := s.records(t, c.after, fmt.Sprintf("&limit=%d", c.limit))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %d, limit %d: %s", c.after, c.limit, diff)
		}
	}
}

func TestMeta(t *testing.T) {
	s := newSite(t)
	s.commit(2)
	status, header, data := s.do(t, "GET", feed.PathMeta, "")
	meta, err := feed.DecodeMeta(data)
	if status != 200 || err != nil || meta.Head != 2 || meta.Feed != s.desk.Feed {
		t.Errorf("%d %+v %v", status, meta, err)
	}
	if header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != feed.MediaType ||
		header.Get(feed.HeaderVersion) != "1" {
		t.Errorf("headers %v", header)
	}
	if s.server.Seen().IsZero() {
		t.Error("the call was not seen")
	}
}

func TestRefusals(t *testing.T) {
	s := newSite(t)
	s.commit(2)
	ack := func(feedID string, position int64) string {
		line, _ := json.Marshal(feed.Ack{Feed: feedID, Position: position})
		return string(line)
	}
	records := feed.PathRecords + "?after="
	for _, c := range []struct {
		method, path, body string
		headers            []string
		want               *feed.Problem
	}{
		{"GET", feed.PathRecords, "", nil, feed.ProblemRequest},
		{"GET", records + "-1", "", nil, feed.ProblemRequest},
		{"GET", records + "0&limit=0", "", nil, feed.ProblemRequest},
		{"GET", records + "0&limit=many", "", nil, feed.ProblemRequest},
		{"GET", records + "3", "", nil, feed.ProblemBeyond},
		{"GET", records + "0&feed=other", "", nil, feed.ProblemOtherFeed},
		{"POST", records + "0", "", nil, feed.ProblemMethod},
		{"GET", feed.PathAcks, "", nil, feed.ProblemMethod},
		{"GET", "/sync/v2/meta", "", nil, feed.ProblemNowhere},
		{"GET", feed.PathMeta, "", []string{feed.HeaderVersion, "3"}, feed.ProblemVersion},
		{"GET", feed.PathMeta, "", []string{feed.HeaderVersion, "one"}, feed.ProblemVersion},
		{"POST", feed.PathAcks, "{", nil, feed.ProblemRequest},
		{"POST", feed.PathAcks, ack("other", 1), nil, feed.ProblemOtherFeed},
		{"POST", feed.PathAcks, ack(s.desk.Feed, 3), nil, feed.ProblemBeyond},
		{"POST", feed.PathAcks, strings.Repeat(" ", feed.MaxAck+1), nil, feed.ProblemTooLarge},
	} {
		status, header, data := s.do(t, c.method, c.path, c.body, c.headers...)
		got := feed.DecodeProblem(data, status)
		if !errors.Is(got, c.want) || status != c.want.Status ||
			header.Get("Content-Type") != feed.MediaProblem {
			t.Errorf("%s %s: %d %s, want %v", c.method, c.path, status, data, c.want)
		}
	}
	if acks := s.desk.Acks(); len(acks) != 0 {
		t.Errorf("a refused ack was taken: %v", acks)
	}
}

func TestNeighbourVersionIsServed(t *testing.T) {
	s := newSite(t)
	if status, _, _ := s.do(t, "GET", feed.PathMeta, "", feed.HeaderVersion, "2"); status != 200 {
		t.Errorf("version 2 got %d", status)
	}
}

func TestAcksArePassedOn(t *testing.T) {
	s := newSite(t)
	s.commit(2)
	want := feed.Ack{Feed: s.desk.Feed, Position: 2, Verdicts: []feed.Verdict{{
		Record: feedtest.RandomID(), Credential: feedtest.RandomID(), Outcome: feed.InStep, Offset: 1}}}
	line, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	status, _, data := s.do(t, "POST", feed.PathAcks, string(line))
	if status != 200 || strings.TrimSpace(string(data)) != `{"acked":2}` {
		t.Errorf("%d %s", status, data)
	}
	if diff := cmp.Diff([]feed.Ack{want}, s.desk.Acks()); diff != "" {
		t.Error(diff)
	}
}

// A page of large records stops growing below the cap, and the pages together are the whole feed.
func TestLargePagesAreCut(t *testing.T) {
	s := newSite(t)
	for range 600 {
		rec := s.desk.Record(feedtest.RandomID())
		rec.Kind, rec.Sealed = feed.KindSeed, bytes.Repeat([]byte{0xff}, 8<<10)
		s.desk.Commit(rec)
	}
	var pages, leaves int64
	for leaves < s.desk.Head() {
		status, _, data := s.do(t, "GET", fmt.Sprintf("%s?after=%d", feed.PathRecords, leaves), "")
		page, err := feed.DecodePage(data)
		if status != 200 || err != nil || len(data) > feed.MaxPage || len(page.Leaves) == 0 {
			t.Fatalf("%d, %d bytes, %d leaves, %v", status, len(data), len(page.Leaves), err)
		}
		leaves += int64(len(page.Leaves))
		pages++
	}
	if pages < 2 {
		t.Errorf("%d leaves came in one page", leaves)
	}
}

// pipes is a listener whose connections are made in memory, so that time in a bubble can pass.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial() (net.Conn, error) {
	here, there := net.Pipe()
	p.conns <- there
	return here, nil
}

// poll asks with a long wait in the background.
func (s *site) poll(t testing.TB, after int64) <-chan feed.Page {
	answer := make(chan feed.Page, 1)
	go func() { answer <- s.records(t, after, "", "Prefer", "respond-async, wait=30") }()
	return answer
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := serve(t, p, p.dial)
		s.commit(1)
		started := time.Now()
		if page := <-s.poll(t, 0); len(page.Leaves) != 1 || time.Since(started) != 0 {
			t.Errorf("news was held back for %v", time.Since(started))
		}

		// A commit without records wakes nobody; the next with a record brings both.
		answer := s.poll(t, 1)
		synctest.Wait()
		time.Sleep(3 * time.Second)
		s.desk.Commit()
		synctest.Wait()
		select {
		case <-answer:
			t.Fatal("a commit that published nothing woke the poll")
		default:
		}
		status, header, data := s.do(t, "GET", feed.PathRecords+"?after=1", "", "Prefer", "wait=30")
		if status != 429 || header.Get("Retry-After") == "" {
			t.Errorf("a second poll of one client got %d %s", status, data)
		}
		s.commit(1)
		if page := <-answer; len(page.Leaves) != 2 || time.Since(started) != 3*time.Second {
			t.Errorf("%d leaves after %v", len(page.Leaves), time.Since(started))
		}

		// Without news the poll ends by itself, and says how far the log is.
		s.desk.Commit()
		started = time.Now()
		if page := <-s.poll(t, 3); len(page.Leaves) != 1 || time.Since(started) != 30*time.Second {
			t.Errorf("%d leaves after %v", len(page.Leaves), time.Since(started))
		}
	})
}

func TestStoppingEndsPolls(t *testing.T) {
	s := newSite(t)
	status := make(chan int, 1)
	go func() {
		got, _, _ := s.do(t, "GET", feed.PathRecords+"?after=0", "", "Prefer", "wait=30")
		status <- got
	}()
	<-s.polled
	s.stop()
	if got := <-status; got != 503 {
		t.Errorf("the poll ended with %d", got)
	}
}
