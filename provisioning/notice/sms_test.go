package notice

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// gateway is a text-message gateway behind TLS.
type gateway struct {
	*httptest.Server
	status atomic.Int64
	// mute takes the message and never answers; chatty answers without end.
	mute, chatty atomic.Bool

	mu    sync.Mutex
	got   []*http.Request
	texts map[string][]string
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	g := &gateway{texts: map[string][]string{}}
	g.status.Store(200)
	g.Server = httptest.NewTLSServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	text := string(body)
	if r.Header.Get("Content-Type") == "application/json" {
		var m map[string]string
		if json.Unmarshal(body, &m) != nil {
			w.WriteHeader(400)
			return
		}
		text = m["to"] + ": " + m["text"]
	} else if v, err := url.ParseQuery(text); err == nil {
		text = v.Get("to") + ": " + v.Get("text")
	}
	if g.status.Load() < 300 {
		g.mu.Lock()
		g.got = append(g.got, r)
		id := r.Header.Get("Idempotency-Key")
		g.texts[id] = append(g.texts[id], text)
		g.mu.Unlock()
	}
	if g.mute.Load() {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Location", "https://elsewhere.example/")
	w.WriteHeader(int(g.status.Load()))
	for g.chatty.Load() {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

func (g *gateway) taken() map[string][]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := map[string][]string{}
	for id, texts := range g.texts {
		all[id] = append(all[id], texts...)
	}
	return all
}

func (g *gateway) sms(t testing.TB, form bool) *SMS {
	t.Helper()
	c := SMSConfig{URL: g.URL, Body: `{"to":"{to}","text":"{text}"}`, Form: form,
		Token: secret.NewPassword("t0ken"), Timeout: 300 * time.Millisecond,
		CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})}
	if form {
		c.Body = "to={to}&text={text}&from=desk"
	}
	s, err := NewSMS(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSMS(t *testing.T) {
	for _, form := range []bool{true, false} {
		w, g := newWorld(t), newGateway(t)
		r := w.runner(t, nil, g.sms(t, form))
		w.happen(t, "recovery.failed")
		if err := r.rounds(t.Context(), map[provisioning.NoticeChannel]*outbox{}); err != nil {
			t.Fatal(err)
		}
		if len(g.got) != 1 || len(w.states()) != 0 {
			t.Fatalf("%d requests, left %v: %s", len(g.got), w.states(), w.logs)
		}
		if got := g.got[0].Header.Get("Authorization"); got != "Bearer t0ken" {
			t.Errorf("authorization %q", got)
		}
		for _, texts := range g.taken() {
			want := "+85366123456: Universiti Malaysia Sarawak: a try to recover"
			if !strings.HasPrefix(texts[0], want) {
				t.Errorf("form %v: %q", form, texts[0])
			}
		}
	}
}

func TestSMSAnswers(t *testing.T) {
	for status, want := range map[int]struct {
		end  provisioning.Delivery
		ours bool
	}{
		301: {provisioning.DeliveryRefused, false}, 400: {provisioning.DeliveryRefused, false},
		401: {provisioning.NotDelivered, true}, 404: {provisioning.DeliveryRefused, false},
		429: {provisioning.NotDelivered, true}, 500: {provisioning.NotDelivered, true},
		503: {provisioning.NotDelivered, true},
	} {
		g := newGateway(t)
		g.status.Store(int64(status))
		wantFailure(t, g.sms(t, true).Send(t.Context(), Message{ID: "1", To: "+85366123456"}),
			want.end, want.ours)
	}
	g := newGateway(t)
	g.mute.Store(true)
	wantFailure(t, g.sms(t, true).Send(t.Context(), Message{ID: "1"}), provisioning.DeliveryUnknown,
		true)
	g.mute.Store(false)
	g.chatty.Store(true)
	if err := g.sms(t, true).Send(t.Context(), Message{ID: "1"}); err != nil {
		t.Errorf("an endless answer: %v", err)
	}
	s := g.sms(t, true)
	g.Close()
	wantFailure(t, s.Send(t.Context(), Message{ID: "1"}), provisioning.NotDelivered, true)
}

func wantFailure(t *testing.T, err error, end provisioning.Delivery, ours bool) {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) || f.End != end || f.Ours != ours {
		t.Errorf("%v, want %s (ours %v)", err, end, ours)
	}
}

// Nobody but the CA named may vouch for the gateway, and a text cannot break out of its place.
func TestSMSTrustAndEscapes(t *testing.T) {
	g := newGateway(t)
	_, other, _ := certificate(t)
	s, err := NewSMS(SMSConfig{URL: g.URL, Body: "to={to}&text={text}", Form: true, CA: other})
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, s.Send(t.Context(), Message{ID: "1"}), provisioning.NotDelivered, true)
	for _, form := range []bool{true, false} {
		text := `"},{"to":"+1" &to=+1 {to} ` + "\n中文"
		m := Message{ID: "x", To: "+85366123456", Text: text}
		if err := g.sms(t, form).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range g.taken()["x"] {
		if want := "+85366123456: " + `"},{"to":"+1" &to=+1 {to} ` + "\n中文"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, c := range []SMSConfig{{URL: "http://a/", Body: "{to}{text}"}, {URL: "https://a/"},
		{URL: "https://a/", Body: `{"to":{to},"text":"{text}"}`},
		{URL: "https://a/", Body: "{to}{text}", Form: true, CA: []byte("x")}} {
		if _, err := NewSMS(c); err == nil {
			t.Errorf("taken: %+v", c)
		}
	}
}
