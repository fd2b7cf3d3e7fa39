package publish_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

func TestOnlyThePinnedMayCall(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }
	s := serve(t, listener, dial)
	good := s.http.Transport.(*http.Transport).TLSClientConfig
	stranger, _ := certificate(t, "verifier", tomorrow())
	_, otherPin := certificate(t, "desk1", tomorrow())
	for name, change := range map[string]func(*tls.Config){
		"no certificate":      func(c *tls.Config) { c.Certificates = nil },
		"another certificate": func(c *tls.Config) { c.Certificates = []tls.Certificate{stranger} },
		"TLS 1.2": func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		},
		"another desk": func(c *tls.Config) {
			c.VerifyConnection = feed.ClientTLS(stranger, otherPin).VerifyConnection
		},
	} {
		config := good.Clone()
		change(config)
		transport := &http.Transport{TLSClientConfig: config}
		client := &http.Client{Transport: transport}
		resp, err := client.Get("https://" + listener.Addr().String() + feed.PathMeta)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: got %d", name, resp.StatusCode)
		}
		transport.CloseIdleConnections()
	}
	if !s.server.Seen().IsZero() {
		t.Error("a call without the pinned certificate was taken")
	}
}

func TestExpiredCertificateIsRefused(t *testing.T) {
	old, oldPin := certificate(t, "verifier", time.Now().Add(-time.Hour))
	desk, _ := certificate(t, "desk1", tomorrow())
	server, client := net.Pipe()
	go func() {
		c := tls.Client(client, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true,
			Certificates: []tls.Certificate{old}})
		_, _ = c.Read(make([]byte, 1))
		_ = c.Close()
	}()
	c := tls.Server(server, publish.TLSConfig(desk, oldPin))
	if err := c.Handshake(); err == nil || errors.Is(err, feed.ErrPin) {
		t.Errorf("the handshake ended with %v", err)
	}
	_ = c.Close()
}

func TestWithoutTLSNobodyIsServed(t *testing.T) {
	desk := newDesk(t)
	server, err := publish.New(publish.Config{Source: desk, Acks: desk, Meta: desk.Meta})
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("GET", feed.PathMeta, nil)
	w := &recorder{header: http.Header{}}
	server.Handler().ServeHTTP(w, req)
	if w.status != 403 {
		t.Errorf("plain HTTP got %d", w.status)
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkServe moves full pages of sealed records over TLS on the loopback: records per second.
func BenchmarkServe(b *testing.B) {
	s := newSite(b)
	for range 2000 {
		rec := s.desk.Record(feedtest.RandomID())
		rec.Kind, rec.Sealed = feed.KindSeed, bytes.Repeat([]byte{0xa5}, 3057)
		s.desk.Commit(rec)
	}
	served := 0
	for b.Loop() {
		after := int64(served % 2000)
		status, _, data := s.do(b, "GET", fmt.Sprintf("%s?after=%d", feed.PathRecords, after), "")
		if status != 200 || len(data) < 1<<20 {
			b.Fatalf("%d, %d bytes", status, len(data))
		}
		served += 500
	}
	b.ReportMetric(float64(served)/b.Elapsed().Seconds(), "records/s")
}
