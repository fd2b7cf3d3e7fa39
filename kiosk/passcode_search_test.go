package kiosk_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// recording keeps everything that left the desk: what it was asked for, every answer, every event.
type recording struct {
	t      *testing.T
	mu     sync.Mutex
	papers []paper
	wait   sync.WaitGroup
}

type paper struct{ what, text string }

func (r *recording) add(what, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.papers = append(r.papers, paper{what, text})
}

// watch records a browser, and listens to the stream of each page it comes to.
func (r *recording) watch(ctx context.Context, b *kiosktest.Browser) {
	b.Inspect = func(resp *http.Response, body []byte) {
		var head strings.Builder
		_ = resp.Header.Write(&head)
		r.add("the address "+resp.Request.URL.Path, resp.Request.URL.String())
		r.add("the headers of "+resp.Request.URL.Path, head.String())
		if len(body) > 0 {
			r.add(resp.Request.Method+" "+resp.Request.URL.Path+" "+resp.Status, string(body))
		}
	}
}

// listen records the stream of the page on the screen until ctx ends.
func (r *recording) listen(ctx context.Context, b *kiosktest.Browser) {
	path := b.Page.Live
	if m := watched.FindStringSubmatch(b.Page.HTML); path == "" && m != nil {
		path = strings.ReplaceAll(m[1], "&amp;", "&")
	}
	if path == "" {
		return
	}
	events := b.Listen(ctx, path)
	r.wait.Go(func() {
		for e := range events {
			r.add("the stream of "+path, e.Name+" "+e.Data)
		}
	})
}

// TestDigitsAreInOneAnswerOnly walks everything one does with passcodes, records all that leaves
// the desk, and searches it. The digits are on the turned screen after the person asked for them, and
// nowhere else: in no other page, no title, address, header, event or line of the log.
func TestDigitsAreInOneAnswerOnly(t *testing.T) {
	c := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	rec := &recording{t: t}
	b, d := c.browser(), c.browser()
	rec.watch(ctx, b)
	rec.watch(ctx, d)
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	see := func(do func()) {
		do()
		rec.listen(ctx, b)
		d.Open(display) // which faces the person all the while
		rec.listen(ctx, d)
	}
	see(func() { c.found(b) })
	see(func() { b.Press("Passcode", "match", "yes", "evidence", "university_card") })
	see(func() { b.Press("Forgot the phone today") })
	c.taken()
	see(func() { b.Reload() })
	see(func() { b.Press("Show my code") })
	shown := 1
	for _, path := range []string{"/display?back=%2Fperson", "/visit/x", "/ready", "/person?back=1"} {
		b.Open(path)
		if b.Page.URL.String() == b.Address("/person") {
			shown++ // asked again within the half minute: the same page
		}
	}
	see(func() { b.Open("/person") })
	shown++
	see(func() { b.Press("Hide now") })
	see(func() { b.Press("Show it again") })
	shown++
	c.pass(31 * time.Second)
	see(func() { b.Reload() })
	see(func() { b.Open("/person?back=1") })
	see(func() { b.Press("Go on", "pin", alicePIN) })
	see(func() { b.Press("Issue another") })
	c.refused("passcode_refused")
	see(func() { b.Reload() })
	see(func() { b.Press("Go on", "pin", alicePIN) })
	see(func() { b.Press("Issue it again") })
	c.taken()
	see(func() { b.Reload() })
	see(func() { b.Press("Show my code") })
	shown++
	see(func() { b.Press("I have it, finish") })
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	see(func() { c.found(b) })
	see(func() { b.Press("Open passcodes", "match", "yes", "evidence", "university_card") })
	see(func() { b.Press("Revoke") })
	see(func() { b.Press("Finish") })
	cancel()
	rec.wait.Wait()
	rec.search(c, shown)
}

// search looks for every passcode that was made, in every form.
func (r *recording) search(c *counter, shown int) {
	r.t.Helper()
	codes := c.digits()
	if len(codes) != 3 {
		r.t.Fatalf("%d passcodes were made", len(codes))
	}
	r.add("the log", c.logs.String())
	for _, change := range c.ledger.Changes() {
		r.add("an entry", fmt.Sprintf("%+v %+v %+v", change.Entry(), change.Rows(), change.Records()))
	}
	on, streams := 0, 0
	for _, p := range r.papers {
		if strings.HasPrefix(p.what, "the stream") {
			streams++
		}
		title, _, _ := strings.Cut(p.text, "</title>")
		page := p.what == "GET /person 200 OK"
		for _, code := range codes {
			for _, form := range forms(code) {
				switch {
				case page && !strings.Contains(title, form) && strings.Contains(p.text, form):
					on++
				case strings.Contains(p.text, form):
					r.t.Errorf("%s has %q", p.what, form)
				}
			}
		}
	}
	// A shown page has the digits spelled and in three boxes.
	if on != shown*4 {
		r.t.Errorf("the digits were found %d times on the page, want %d pages of four", on, shown)
	}
	if streams < 20 || len(r.papers) < 150 {
		r.t.Errorf("only %d events and %d papers were searched", streams, len(r.papers))
	}
}
