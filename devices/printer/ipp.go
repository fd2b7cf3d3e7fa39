package printer

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/OpenPrinting/goipp"
)

// Bounds of one question to an IPP printer, and how often it is asked.
const (
	requestTime = 10 * time.Second
	pollEvery   = 200 * time.Millisecond
	maxAnswer   = 1 << 18
)

// patience is how long something may take.
type patience struct {
	// job is a whole job: a laser printer warms up first.
	job time.Duration
	// tray is how long a job may wait before an empty tray is taken for the one it waits for.
	tray time.Duration
	// cancel is taking a job back.
	cancel time.Duration
}

func usualPatience() patience {
	return patience{job: 45 * time.Second, tray: 4 * time.Second, cancel: 6 * time.Second}
}

// Refused answers of IPP, RFC 8011 appendix B.
const statusRefused = 0x0400

// ippPrinter is a printer or a CUPS queue, by IPP/2.0 (RFC 8010, RFC 8011, PWG 5100.12).
type ippPrinter struct {
	mu     sync.Mutex
	uri    string // as the printer knows itself
	post   string // the same for HTTP
	client *http.Client
	fonts  fonts
	next   atomic.Uint32
	patience
}

var _ Printer = (*ippPrinter)(nil)

func openIPP(o Options, f fonts) (Printer, error) {
	u, err := url.Parse(o.URI)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("the printer's uri is not one, or it carries a password")
	}
	p := &ippPrinter{fonts: f, patience: usualPatience(), client: &http.Client{Timeout: requestTime}}
	secure := u.Scheme == "ipps" || u.Scheme == "https"
	if !secure && u.Scheme != "ipp" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is no scheme of a printer: ipp, ipps, http or https", u.Scheme)
	}
	if u.Port() == "" && (u.Scheme == "ipp" || u.Scheme == "ipps") {
		u.Host += ":631"
	}
	own, post := *u, *u
	own.Scheme, post.Scheme = "ipp", "http"
	if secure {
		own.Scheme, post.Scheme = "ipps", "https"
	}
	p.uri, p.post = own.String(), post.String()
	if p.client.Transport, err = transport(o.CA); err != nil {
		return nil, err
	}
	return p, nil
}

// transport asks the printer itself, never a proxy: a slip may carry a code.
func transport(ca string) (*http.Transport, error) {
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{}}
	if ca == "" {
		return t, nil
	}
	data, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read the printer's certificates: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return t, nil
}

// Status implements Printer.
func (p *ippPrinter) Status(ctx context.Context) (Status, error) {
	a, err := p.about(ctx)
	return a.Status, err
}

// Print implements Printer.
func (p *ippPrinter) Print(ctx context.Context, s Slip) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	about, err := p.about(ctx)
	if err == nil {
		err = about.closed()
	}
	if err != nil {
		return &Fault{err, OutNothing}
	}
	pages, err := p.fonts.compose(s, about.page)
	if err != nil {
		return &Fault{err, OutNothing}
	}
	data := raster(pages, about.page)
	for _, each := range pages {
		clear(each.Pix)
	}
	defer clear(data)
	number, err := p.submit(ctx, data)
	if err != nil {
		return err
	}
	return job{p, number, about}.follow(ctx)
}

// submit sends the job. Where the answer is lost, nobody knows its number and it cannot be taken
// back.
func (p *ippPrinter) submit(ctx context.Context, data []byte) (int, error) {
	m := p.request(goipp.OpPrintJob)
	m.Operation.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String("slip")))
	m.Operation.Add(goipp.MakeAttribute("document-format", goipp.TagMimeType,
		goipp.String("image/pwg-raster")))
	m.Job.Add(goipp.MakeAttribute("copies", goipp.TagInteger, goipp.Integer(1)))
	answer, err := p.ask(ctx, m, data)
	if errors.Is(err, errOther) {
		return 0, &Fault{err, OutNothing}
	}
	if err != nil {
		return 0, &Fault{err, OutUnknown}
	}
	for _, a := range answer.Job {
		if id, ok := number(a); ok && a.Name == "job-id" {
			return id, nil
		}
	}
	return 0, &Fault{fmt.Errorf("%w: no job number", errOther), OutUnknown}
}

// request begins a message; its first three attributes stand in this order (RFC 8011 section
// 4.1.4).
func (p *ippPrinter) request(op goipp.Op) *goipp.Message {
	m := goipp.NewRequest(goipp.MakeVersion(2, 0), op, p.next.Add(1))
	m.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	m.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage,
		goipp.String("en")))
	m.Operation.Add(goipp.MakeAttribute("printer-uri", goipp.TagURI, goipp.String(p.uri)))
	m.Operation.Add(goipp.MakeAttribute("requesting-user-name", goipp.TagName,
		goipp.String("tokendesk")))
	return m
}

// ask posts one message, with a document after it, and takes the answer.
func (p *ippPrinter) ask(ctx context.Context, m *goipp.Message, document []byte) (
	*goipp.Message, error,
) {
	head, err := m.EncodeBytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOther, err)
	}
	body := io.MultiReader(bytes.NewReader(head), bytes.NewReader(document))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.post, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOther, err)
	}
	r.ContentLength = int64(len(head) + len(document))
	r.Header.Set("Content-Type", goipp.ContentType)
	answer, err := p.client.Do(r)
	if err != nil {
		return nil, errors.Join(ErrOffline, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, errors.Join(ErrOffline, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: HTTP %d", errOther, answer.StatusCode)
	}
	return decodeAnswer(data, m.RequestID)
}

// decodeAnswer reads an answer and checks that it is the one awaited.
func decodeAnswer(data []byte, id uint32) (*goipp.Message, error) {
	m := &goipp.Message{}
	if err := m.DecodeBytes(data); err != nil {
		return nil, errors.Join(ErrOffline, fmt.Errorf("its answer: %w", err))
	}
	switch {
	case m.RequestID != id:
		return nil, errors.Join(ErrOffline, errors.New("it answers another question"))
	case m.Code >= statusRefused:
		return nil, fmt.Errorf("%w: %s", errOther, goipp.Status(m.Code))
	}
	return m, nil
}
