package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// SMSConfig describes a gateway that takes text messages over HTTPS.
type SMSConfig struct {
	// URL is where a message is posted.
	URL string
	// Form says that Body is a form, "to={to}&text={text}"; otherwise it is JSON,
	// {"to":"{to}","text":"{text}"}. Both parameters must stand in it.
	Form bool
	Body string
	// Header carries the notice's id, so that the gateway can tell a second copy; empty means
	// Idempotency-Key.
	Header string
	// Token is sent as a bearer token; none when it is zero.
	Token secret.Password
	// CA is the PEM text of the one CA that may vouch for the gateway; empty means the system's.
	CA []byte
	// Timeout of one message; 0 means 20 s.
	Timeout time.Duration
}

// SMS sends text messages through a gateway.
type SMS struct {
	config SMSConfig
	client *http.Client
}

var _ Sender = (*SMS)(nil)

// maxAnswer bounds what is read of the gateway's answer.
const maxAnswer = 64 << 10

// NewSMS checks the configuration; it connects to nothing.
func NewSMS(c SMSConfig) (*SMS, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("sms: the URL must begin with https://")
	}
	if !strings.Contains(c.Body, "{to}") || !strings.Contains(c.Body, "{text}") {
		return nil, errors.New("sms: the body needs {to} and {text}")
	}
	if c.Header == "" {
		c.Header = "Idempotency-Key"
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	settings, err := trust(u.Hostname(), c.CA)
	if err != nil {
		return nil, fmt.Errorf("sms: %w", err)
	}
	s := &SMS{config: c, client: &http.Client{
		// A connection is used once: the transport repeats by itself a request that carries an
		// idempotency key when a kept connection turns out to be closed, and we count our tries.
		Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true,
			MaxResponseHeaderBytes: maxAnswer},
		// The token goes where the configuration says and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if !c.Form && !json.Valid([]byte(s.body(Message{}))) {
		return nil, errors.New("sms: the body is not JSON")
	}
	return s, nil
}

// Send implements Sender.
func (s *SMS) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { written.Store(true) }})
	req, err := s.request(ctx, m)
	if err != nil {
		return ours("request")
	}
	resp, err := s.client.Do(req)
	if err != nil && written.Load() {
		return &Failure{End: provisioning.DeliveryUnknown, Reason: "no_answer", Ours: true}
	}
	if err != nil {
		return ours("connect")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return judge(resp.StatusCode)
}

// judge reads the status: 2xx is taken, 4xx is for good. What concerns us rather than the message,
// a rate limit, a time-out or a token that is not accepted, is tried again, and so is any 5xx: a
// gateway that failed before it was sure has the idempotency key.
func judge(status int) error {
	reason := "http " + strconv.Itoa(status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout,
		status == http.StatusUnauthorized, status >= 500:
		return ours(reason)
	}
	return refused(reason)
}

func (s *SMS) request(ctx context.Context, m Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL,
		strings.NewReader(s.body(m)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.config.Form {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set(s.config.Header, m.ID)
	if !s.config.Token.IsZero() {
		token := s.config.Token.Expose()
		defer clear(token)
		req.Header.Set("Authorization", "Bearer "+string(token))
	}
	return req, nil
}

// body puts number and text into the template, each escaped for where it stands.
func (s *SMS) body(m Message) string {
	escape := url.QueryEscape
	if !s.config.Form {
		escape = func(text string) string {
			quoted, _ := json.Marshal(text) // a string always marshals
			return string(quoted[1 : len(quoted)-1])
		}
	}
	return strings.NewReplacer("{to}", escape(m.To), "{text}", escape(m.Text)).Replace(s.config.Body)
}
