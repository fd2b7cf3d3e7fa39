// Package kiosktest drives the kiosk as a browser without scripts does: it reads pages, finds forms
// and buttons by what is written on them, and posts what a finger would post.
//
// It knows HTML and nothing of the kiosk, so that a page that cannot be worked by hand fails a
// test.
package kiosktest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// Browser is one screen, with its cookies, at the page it was led to last.
type Browser struct {
	t      testing.TB
	base   *url.URL
	client *http.Client
	// Page is what is on the screen.
	Page *Page
	// Inspect, if set, sees every answer, redirects included.
	Inspect func(*http.Response, []byte)
}

// New opens a browser on a desk. It shows nothing yet: see Open.
func New(t testing.TB, address string) *Browser {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatalf("address: %v", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatalf("cookies: %v", err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	t.Cleanup(client.CloseIdleConnections)
	return &Browser{t: t, base: base, client: client}
}

// Client is the browser's own client: its cookies, and no redirect followed.
func (b *Browser) Client() *http.Client { return b.client }

// Address is an address of this desk in full.
func (b *Browser) Address(path string) string {
	u, err := b.base.Parse(path)
	if err != nil {
		b.t.Fatalf("address %q: %v", path, err)
	}
	return u.String()
}

// Open goes to a page.
func (b *Browser) Open(path string) *Page {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, b.Address(path), nil)
	if err != nil {
		b.t.Fatalf("open %s: %v", path, err)
	}
	return b.follow(req)
}

// Reload asks for the page on the screen again, as its noscript refresh does.
func (b *Browser) Reload() *Page {
	b.t.Helper()
	return b.Open(b.Page.URL.RequestURI())
}

// Follow presses the link with these words.
func (b *Browser) Follow(label string) *Page {
	b.t.Helper()
	for _, link := range b.Page.Links {
		if says(link.Text, label) {
			return b.Open(link.Href)
		}
	}
	b.t.Fatalf("no link %q on %s; links: %v", label, b.Page.URL, b.Page.Links)
	return nil
}

// Press presses the button with these words, after filling in fields of its form: name, value,
// name, value. A value for a radio must be one the page offers.
func (b *Browser) Press(label string, fields ...string) *Page {
	b.t.Helper()
	return b.Send(b.Form(label, fields...))
}

// Form is what pressing the button would post.
func (b *Browser) Form(label string, fields ...string) Post {
	b.t.Helper()
	if b.Page == nil {
		b.t.Fatalf("press %q: no page is open", label)
	}
	post, err := b.Page.press(label, fields)
	if err != nil {
		b.t.Fatalf("press %q on %s (%s): %v", label, b.Page.URL, b.Page.Title, err)
	}
	return post
}

// Send posts a form and follows where it leads.
func (b *Browser) Send(p Post) *Page {
	b.t.Helper()
	return b.follow(b.request(p))
}

// Deliver posts a form and returns the bare answer: its status and where it points.
func (b *Browser) Deliver(p Post) (status int, location string) {
	resp, err := b.client.Do(b.request(p))
	if err != nil {
		b.t.Errorf("post %s: %v", p.Action, err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if b.Inspect != nil {
		b.Inspect(resp, body)
	}
	return resp.StatusCode, resp.Header.Get("Location")
}

func (b *Browser) request(p Post) *http.Request {
	req, err := http.NewRequest(http.MethodPost, b.Address(p.Action),
		strings.NewReader(p.Values.Encode()))
	if err != nil {
		b.t.Fatalf("post %s: %v", p.Action, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return req
}

// maxHops is more than any page of the kiosk redirects.
const maxHops = 6

func (b *Browser) follow(req *http.Request) *Page {
	b.t.Helper()
	for range maxHops {
		resp, err := b.client.Do(req)
		if err != nil {
			b.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
		}
		if b.Inspect != nil {
			b.Inspect(resp, body)
		}
		if resp.StatusCode != http.StatusSeeOther {
			b.Page = b.read(resp, body)
			return b.Page
		}
		to, err := resp.Location()
		if err != nil {
			b.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
		}
		if req, err = http.NewRequest(http.MethodGet, to.String(), nil); err != nil {
			b.t.Fatalf("follow %s: %v", to, err)
		}
	}
	b.t.Fatalf("%s leads in a circle", req.URL)
	return nil
}

func (b *Browser) read(resp *http.Response, body []byte) *Page {
	b.t.Helper()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return &Page{URL: resp.Request.URL, Status: resp.StatusCode, Header: resp.Header}
	}
	page, err := Parse(body)
	if err != nil {
		b.t.Fatalf("read %s: %v\n%s", resp.Request.URL, err, body)
	}
	page.URL, page.Status, page.Header = resp.Request.URL, resp.StatusCode, resp.Header
	return page
}
