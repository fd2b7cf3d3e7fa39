//go:build browser

package kiosk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// evil is a page of another origin that tries what a page can: a form, a fetch, a stream, a picture, a
// frame, a script; all of them with the officer's cookies where the browser sends these.
const evil = `<!doctype html><body><iframe name=hole></iframe>
<form id=f method=post target=hole action="%[1]s%[2]s">%[3]s</form>
<script>
const desk = "%[1]s";
f.submit();
fetch(desk + "/lock", {method: "POST", credentials: "include", mode: "no-cors",
  headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: "op=0123456789abcdef0123456789abcdef"}).catch(() => 0);
fetch(desk + "/ready", {credentials: "include"}).catch(() => 0);
new EventSource(desk + "/ready/live", {withCredentials: true});
for (const path of ["/ready", "/person-display"]) {
  const frame = document.createElement("iframe");
  frame.src = desk + path; document.body.append(frame);
}
new Image().src = desk + "%[2]s/portrait";
document.head.append(Object.assign(document.createElement("script"), {src: desk + "/assets/kiosk.js"}));
</script>`

// TestBrowserFromElsewhere has a real browser, in which an officer works, open such a page: on another
// port of this machine, which browsers call the same site, and under another name.
func TestBrowserFromElsewhere(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	end, before := b.Form("End this visit"), len(c.ledger.Changes())
	var mu sync.Mutex
	answers := map[string]int{}
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &seen{ResponseWriter: w, status: http.StatusOK}
		c.http.Config.Handler.ServeHTTP(status, r)
		mu.Lock()
		defer mu.Unlock()
		answers[fmt.Sprint(r.Header.Get("Sec-Fetch-Site"), " ", r.Method, " ", r.URL.Path)] = status.status
	}))
	defer desk.Close()
	var fields strings.Builder
	for name, values := range end.Values {
		fmt.Fprintf(&fields, "<input type=hidden name=%q value=%q>", name, values[0])
	}
	page := fmt.Sprintf(evil, desk.URL, end.Action, fields.String())
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page)
	}))
	defer other.Close()

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(kiosktest.Profile(t)), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	defer cancel()
	at, _ := url.Parse(b.Address("/"))
	var cookies []*network.CookieParam
	for _, cookie := range b.Client().Jar.Cookies(at) {
		expires := cdp.TimeSinceEpoch(time.Now().Add(time.Hour))
		cookies = append(cookies, &network.CookieParam{Name: cookie.Name, Value: cookie.Value,
			URL: desk.URL + "/", HTTPOnly: true, SameSite: network.CookieSameSiteStrict, Expires: &expires})
	}
	var ready string
	if err := chromedp.Run(ctx, network.SetCookies(cookies), chromedp.Navigate(desk.URL+b.Page.URL.Path),
		chromedp.Text("body", &ready)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ready, "CHAN") {
		t.Fatalf("the browser is not the officer's: %.200s", ready)
	}
	mu.Lock()
	clear(answers)
	mu.Unlock()
	for site, origin := range map[string]string{"same-site": other.URL,
		"cross-site": strings.Replace(other.URL, "127.0.0.1", "localhost", 1)} {
		if err := chromedp.Run(ctx, chromedp.Navigate(origin)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all that the page asks for, "+site, func() bool {
			mu.Lock()
			defer mu.Unlock()
			n := 0
			for what := range answers {
				if strings.HasPrefix(what, site) {
					n++
				}
			}
			return n >= 7
		})
	}
	mu.Lock()
	defer mu.Unlock()
	for what, status := range answers {
		if status != http.StatusForbidden && !strings.HasPrefix(what, "same-origin") {
			t.Errorf("%s: %d", what, status)
		}
	}
	if got := len(c.ledger.Changes()); got != before || c.visitCount() != 1 {
		t.Errorf("%d changes from elsewhere", got-before)
	}
}

// seen keeps the status of an answer.
type seen struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *seen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
