package verifier

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// The time each part of a call may take. A page is at most MaxPage and one leaf, so maxAnswer is
// more than an honest desk sends.
const (
	dialTimeout = 5 * time.Second
	callTimeout = 15 * time.Second
	pollWait    = 30 * time.Second
	maxAnswer   = feed.MaxPage + feed.MaxPage/2
)

// wire is the client's end of one feed.
type wire struct {
	base string
	http *http.Client
	// seen hears of the certificate the desk shows; nil when nobody wants to know.
	seen func(*x509.Certificate)
}

// Dial connects to the address of a feed.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func newWire(card feed.DeskCard, cert func() *tls.Certificate, dial Dial) wire {
	return wire{base: strings.TrimSuffix(card.FeedURL, "/"), http: &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:     feed.RenewableClientTLS(cert, card.TLSPins()...),
			DialContext:         dial,
			TLSHandshakeTimeout: callTimeout,
			MaxIdleConnsPerHost: 2,
			IdleConnTimeout:     2 * pollWait,
		},
		// A desk that sends us elsewhere is not the desk on the card.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

func (w wire) close() { w.http.CloseIdleConnections() }

func (w wire) meta(ctx context.Context) (feed.Meta, error) {
	data, err := w.call(ctx, http.MethodGet, feed.PathMeta, nil, 0)
	if err != nil {
		return feed.Meta{}, fmt.Errorf("ask for meta: %w", err)
	}
	return feed.DecodeMeta(data)
}

// records waits for news after a position, and brings at most limit leaves.
func (w wire) records(ctx context.Context, t feed.Tail, limit int,
	wait time.Duration) (feed.Page, error) {
	query := url.Values{"feed": {t.Feed()}, "after": {strconv.FormatInt(t.Position(), 10)},
		"limit": {strconv.Itoa(limit)}}
	data, err := w.call(ctx, http.MethodGet, feed.PathRecords+"?"+query.Encode(), nil, wait)
	if err != nil {
		return feed.Page{}, fmt.Errorf("ask for records: %w", err)
	}
	return feed.DecodePage(data)
}

func (w wire) acknowledge(ctx context.Context, ack feed.Ack) error {
	body, err := json.Marshal(ack)
	if err != nil {
		return fmt.Errorf("encode an ack: %w", err)
	}
	if _, err := w.call(ctx, http.MethodPost, feed.PathAcks, body, 0); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

func (w wire) call(ctx context.Context, method, path string, body []byte,
	wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set(feed.HeaderVersion, strconv.Itoa(feed.Version))
	if body != nil {
		req.Header.Set("Content-Type", feed.MediaType)
	}
	if wait > 0 {
		req.Header.Set("Prefer", fmt.Sprintf("wait=%d", int(wait.Seconds())))
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if w.seen != nil && resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		w.seen(resp.TLS.PeerCertificates[0])
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxAnswer:
		return nil, errTooLarge
	case resp.StatusCode != http.StatusOK:
		return nil, feed.DecodeProblem(data, resp.StatusCode)
	}
	return data, nil
}
