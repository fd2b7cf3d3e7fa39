package kiosk_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/pages"
)

const wantPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types kiosk"

// inline is what the policy would block.
var inline = regexp.MustCompile(
	`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:[^>]*)>[^<]`)

// TestEveryAnswerIsGuarded walks a loan and the edges, and looks at each answer, redirects too.
func TestEveryAnswerIsGuarded(t *testing.T) {
	c := serve(t)
	b := c.browser()
	seen := 0
	b.Inspect = func(r *http.Response, body []byte) {
		seen++
		if got := r.Header.Get("Content-Security-Policy"); got != wantPolicy {
			t.Errorf("%s: policy %q", r.Request.URL, got)
		}
		for name, value := range map[string]string{"X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q", r.Request.URL, name, got)
			}
		}
		store := r.Header.Get("Cache-Control")
		if !strings.HasPrefix(r.Request.URL.Path, "/assets/") && !strings.Contains(store, "no-store") {
			t.Errorf("%s may be cached: %q", r.Request.URL, store)
		}
		if html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html"); html {
			if bad := inline.Find(body); bad != nil {
				t.Errorf("%s has %q inline", r.Request.URL, bad)
			}
		}
		for _, cookie := range r.Cookies() {
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode {
				t.Errorf("%s sets %v", r.Request.URL, cookie)
			}
		}
	}
	b.Open("/")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	c.writing(b)
	for _, path := range []string{"/", "/ready", "/held", "/parked", "/doubtful", "/display",
		"/ended", "/goodbye", "/nowhere", "/visit/x", "/visit/x/y", "/person", "/tokens",
		"/tokens/yubikey/" + serial, "/assets/kiosk.css", "/assets/", "/assets/x", "/visit/" + string(c.visit().ID) + "/portrait"} {
		b.Open(path)
	}
	if seen < 30 {
		t.Errorf("looked at %d answers only", seen)
	}
	if b.Open("/assets/").Status != http.StatusNotFound {
		t.Error("the assets are listed")
	}
}

func TestPolicyIsThePagesOwn(t *testing.T) {
	if pages.Policy != wantPolicy {
		t.Errorf("pages work under %q", pages.Policy)
	}
}

func TestPostsFromElsewhereAreForbidden(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	end := b.Form("End this visit")
	before := len(c.ledger.Changes())
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}},
		{"Origin": {"http://evil.example"}}, {"Origin": {"null"}},
	} {
		req, _ := http.NewRequest(http.MethodPost, b.Address(end.Action),
			strings.NewReader(end.Values.Encode()))
		req.Header = header.Clone()
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := b.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%v: status %d", header, resp.StatusCode)
		}
		if resp.Header.Get("Content-Security-Policy") != wantPolicy {
			t.Errorf("%v: no policy", header)
		}
	}
	if got := len(c.ledger.Changes()); got != before {
		t.Errorf("%d changes from elsewhere", got-before)
	}
}

// TestForeignNamesOfTheDeskAreRefused: a name that somebody pointed at the desk opens nothing.
func TestForeignNamesOfTheDeskAreRefused(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	_, port, _ := strings.Cut(strings.TrimPrefix(c.http.URL, "http://"), ":")
	for host, want := range map[string]int{
		"evil.example": 421, "evil.example:" + port: 421, "127.0.0.1.evil.example": 421, "-": 421,
		"localhost.": 421, "127.0.0.1:" + port: 200, "localhost:" + port: 200, "LOCALHOST": 200,
		"[::1]:" + port: 200, "[::1]": 200, "10.0.0.7": 200,
	} {
		req, _ := http.NewRequest(http.MethodGet, b.Address("/display"), nil)
		req.Host = host
		resp, err := b.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %q: status %d, want %d", host, resp.StatusCode, want)
		}
		if want == 421 && !strings.Contains(string(body), "Not from here") {
			t.Errorf("host %q: not the calm page: %.200s", host, body)
		}
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	post := b.Form("End this visit")
	post.Values.Set("note", strings.Repeat("x", 17<<10))
	if status, _ := b.Deliver(post); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
	if c.visitCount() != 1 {
		t.Error("the visit was ended by a form that is too large")
	}
}

// TestInternalErrorsSayNothing: a fixed sentence and a number, and the number is in the log.
func TestInternalErrorsSayNothing(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	post := b.Form("End this visit")
	c.mu.Lock()
	c.fault = errorString("disk of the kiosk caught fire")
	c.mu.Unlock()
	b.Send(post)
	if b.Page.Status != http.StatusInternalServerError {
		t.Fatalf("status %d", b.Page.Status)
	}
	wantNot(t, b, "fire", "disk")
	event := regexp.MustCompile(`\b[0-9a-f]{8}\b`).FindString(b.Page.Text)
	if event == "" || !strings.Contains(c.logs.String(), "event="+event) {
		t.Errorf("event %q is not in the log", event)
	}
	c.mu.Lock()
	c.fault = nil
	c.mu.Unlock()
	b.Send(post)
	if c.visitCount() != 0 {
		t.Error("the form cannot be posted again after an internal error")
	}
}

type errorString string

func (e errorString) Error() string { return string(e) }

func TestDisplayIsACookieAndNoWayOut(t *testing.T) {
	c := serve(t)
	b := c.browser()
	b.Open("/")
	b.Follow("Display")
	b.Press("Use", "theme", "contrast", "text", "large")
	if !strings.Contains(b.Page.HTML, `data-theme="contrast"`) ||
		!strings.Contains(b.Page.HTML, `data-text="large"`) || b.Page.URL.Path != "/" {
		t.Errorf("%s: %.200s", b.Page.URL, b.Page.HTML)
	}
	for _, back := range []string{
		"//evil.example", "http://evil.example", `/\evil.example`, "/a\r\nb",
	} {
		b.Open("/display")
		post := b.Form("Use")
		post.Values.Set("back", back)
		if _, to := b.Deliver(post); to != "/" {
			t.Errorf("back %q leads to %q", back, to)
		}
	}
}
