package kiosk_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// speak sends bytes to a screen as they are, and returns the first answer with its body.
func speak(t *testing.T, address, raw string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		return nil, ""
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, string(body)
}

// cookies are those of a browser, as it sends them.
func cookies(b *kiosktest.Browser) string {
	at, _ := url.Parse(b.Address("/"))
	var all []string
	for _, c := range b.Client().Jar.Cookies(at) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// inside is what no answer may say.
var inside = regexp.MustCompile(`goroutine|\.go:|panic|runtime|/home/|/root/|kiosk:|decode|invalid `)

// guarded checks an answer that a page of ours gave: its headers, and that it says nothing of the
// inside. What the server refuses before anything of ours sees it is one line of text.
func guarded(t *testing.T, what string, r *http.Response, body string) {
	t.Helper()
	if r.StatusCode >= 500 && r.StatusCode != http.StatusNotImplemented &&
		r.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Errorf("%s: %s", what, r.Status)
	}
	if found := inside.FindString(body); found != "" && r.Header.Get("X-Frame-Options") != "" {
		t.Errorf("%s: says %q", what, found)
	}
	if r.Header.Get("X-Frame-Options") == "" {
		if r.StatusCode < 400 || len(body) > 100 {
			t.Errorf("%s: %s, unguarded: %.200s", what, r.Status, body)
		}
		return
	}
	for name, want := range map[string]string{"Content-Security-Policy": wantPolicy,
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	if store := r.Header.Get("Cache-Control"); !strings.Contains(store, "no-store") {
		t.Errorf("%s: may be kept: %q", what, store)
	}
}

// TestAbusedRequests: whatever shape a request has, it gets a calm answer and changes nothing.
func TestAbusedRequests(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	mine, visit, end := cookies(b), b.Page.URL.Path, b.Form("End this visit")
	form, before := end.Values.Encode(), len(c.ledger.Changes())
	address := strings.TrimPrefix(c.http.URL, "http://")
	const ours = "Host: 127.0.0.1\r\n"
	post := func(head, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\n%sContent-Type: application/x-www-form-urlencoded\r\n"+
			"Content-Length: %d\r\nConnection: close\r\n%s\r\n%s", end.Action, ours, len(body), head, body)
	}
	cookie := "Cookie: " + mine + "\r\n"
	for raw, want := range map[string]string{
		// Names of the desk that are not its own.
		"GET http://evil.example/ready HTTP/1.1\r\n" + ours + cookie + "\r\n":                            "421",
		"GET /ready HTTP/1.1\r\nHost: evil.example\r\n" + cookie + "\r\n":                                "421",
		"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n":                           "400",
		"GET /ready HTTP/1.0\r\n\r\n":                                                                    "421",
		"GET /ready HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n\r\n":                                    "4..",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n":                            "421",
		"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n":                                    "404",
		"GET /ready HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: 127.0.0.1\r\n" + cookie + "\r\n": "421",
		// Paths.
		"GET /assets/../ready HTTP/1.1\r\n" + ours + "\r\n":                                         "3..",
		"GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + ours + "\r\n":                         "3..|404",
		"GET /assets/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" + ours + "\r\n":                           "3..|404",
		"GET /assets/kiosk.css%00.svg HTTP/1.1\r\n" + ours + "\r\n":                                 "404",
		"GET //evil.example/%2f.. HTTP/1.1\r\n" + ours + "\r\n":                                     "3..|404",
		"GET /visit/%00 HTTP/1.1\r\n" + ours + cookie + "\r\n":                                      "303|404",
		"GET /visit/" + strings.Repeat("%e2%80%ae", 900) + " HTTP/1.1\r\n" + ours + cookie + "\r\n": "303|404",
		"GET /tokens/%ff/%fe HTTP/1.1\r\n" + ours + cookie + "\r\n":                                 "303|404",
		"GET /visit/..%2f..%2fready HTTP/1.1\r\n" + ours + cookie + "\r\n":                          "303|404",
		"GET /%zz HTTP/1.1\r\n" + ours + "\r\n":                                                     "400",
		"GET * HTTP/1.1\r\n" + ours + "\r\n":                                                        "4..",
		// Methods.
		"TRACE /ready HTTP/1.1\r\n" + ours + cookie + "\r\n":                                                       "40[345]",
		"PUT /ready HTTP/1.1\r\n" + ours + cookie + "\r\n":                                                         "40[345]",
		"DELETE " + visit + " HTTP/1.1\r\n" + ours + cookie + "\r\n":                                               "40[345]",
		"POST /ready HTTP/1.1\r\n" + ours + cookie + "X-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n\r\n": "400",
		// Cookies.
		post("Cookie: screen="+strings.Repeat("A", 43)+"\r\n", form):    "303",
		post("Cookie: screen=../../etc; screen=\x01\r\n", form):         "303|400",
		post("Cookie: "+strings.Repeat("a=b; ", 3000)+"\r\n", form):     "303|4..",
		post("Cookie: screen=x; "+mine+"\r\n", form):                    "303",
		post("Cookie: theme=<script>; lang=../../x; text=\"\r\n", form): "303",
		// Bodies.
		post(cookie, form+"&note=%00"):                                                                                 "400",
		post(cookie, form+"&note=%ff%fe"):                                                                              "400",
		post(cookie, form+"&op="+strings.Repeat("0", 32)):                                                              "400",
		post(cookie, form+"&do=end"):                                                                                   "400",
		post(cookie, strings.Repeat("a&", 5000)+form):                                                                  "400",
		post(cookie, form+strings.Repeat("&x=1", 5000)):                                                                "400",
		post(cookie, form+"&note="+strings.Repeat("x", 1<<20)):                                                         "400",
		post(cookie, "%zz=1&"+form):                                                                                    "400",
		post(cookie+"Content-Encoding: gzip\r\n", "\x1f\x8b\x08"):                                                      "400",
		strings.Replace(post(cookie, form), "application/x-www-form-urlencoded", "text/plain", 1):                      "400",
		strings.Replace(post(cookie, form), "application/x-www-form-urlencoded", "application/json", 1):                "400",
		strings.Replace(post(cookie, form), "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", 1): "400",
		strings.Replace(post(cookie, form), "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=\xff", 1): "400",
		post(cookie, strings.Replace(form, "op=", "op=x", 1)):                                                                          "400",
		// Two lengths, and a length beside chunks (RFC 9112 section 6.1).
		post(cookie+"Content-Length: 5\r\n", form):                                                     "400",
		post(cookie+"Transfer-Encoding: chunked\r\n", form+"\r\n\r\n"):                                 "400",
		post(cookie+"Transfer-Encoding: xchunked\r\n", form):                                           "501|400",
		post(cookie+"Content-Length : 5\r\n", form):                                                    "400",
		post(cookie+"X: a\r\n b\r\n", "op=1"):                                                          "400",
		"POST / HTTP/1.1\r\n" + ours + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\n": "400",
		"POST / HTTP/1.1\r\n" + ours + "Content-Length: -1\r\n\r\n":                                    "400",
		"POST / HTTP/1.1\r\n" + ours + "Expect: 200-maybe\r\nContent-Length: 1\r\n\r\n":                "417",
		// From elsewhere.
		post(cookie+"Sec-Fetch-Site: cross-site\r\n", form):                                                        "403",
		post(cookie+"Sec-Fetch-Site: same-site\r\n", form):                                                         "403",
		post(cookie+"Origin: null\r\n", form):                                                                      "403",
		post(cookie+"Origin: http://127.0.0.1:1\r\n", form):                                                        "403",
		post(cookie+"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", form): "403",
		"GET /ready/live HTTP/1.1\r\n" + ours + cookie + "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n" +
			"Sec-Fetch-Dest: empty\r\n\r\n": "403",
		"GET /person-display/live HTTP/1.1\r\n" + ours + "Origin: http://evil.example\r\n\r\n":        "403",
		"GET /person-display/look?lang=pt HTTP/1.1\r\n" + ours + "Sec-Fetch-Site: cross-site\r\n\r\n": "403",
		"GET / HTTP/1.1\r\n" + ours + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n" +
			"Sec-Fetch-Dest: iframe\r\n\r\n": "403",
		"GET / HTTP/1.1\r\n" + ours + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n" +
			"Sec-Fetch-Dest: document\r\n\r\n": "200",
		// Ranges and conditions.
		"GET /assets/kiosk.css HTTP/1.1\r\n" + ours + "Range: bytes=" + strings.Repeat("0-1,", 2000) + "0-1\r\n\r\n": "200|206|416",
		"GET / HTTP/1.1\r\n" + ours + "Range: bytes=0-1\r\nIf-None-Match: *\r\nIf-Modified-Since: x\r\n\r\n":         "200",
		"GET / HTTP/1.1\r\n" + ours + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n":                                "431|",
		"GET / HTTP/1.1\r\n" + ours + "X: \x00\r\n\r\n":                                                              "400",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                                           "4..|505",
		"GET / HTTP/9.9\r\n" + ours + "\r\n":                                                                         "505|400",
	} {
		what, _, _ := strings.Cut(raw, "\r\n")
		what = fmt.Sprintf("%.60s %q", what, raw[max(0, len(raw)-60):])
		resp, body := speak(t, address, raw)
		if resp == nil {
			if !regexp.MustCompile("^(" + want + ")$").MatchString("") {
				t.Errorf("%s: no answer, want %s", what, want)
			}
			continue
		}
		if !regexp.MustCompile("^(" + want + ")$").MatchString(fmt.Sprint(resp.StatusCode)) {
			t.Errorf("%s: %s, want %s: %.120s", what, resp.Status, want, body)
		}
		guarded(t, what, resp, body)
		if to := resp.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "evil") && !strings.HasPrefix(to, "/evil") {
			t.Errorf("%s: leads to %q", what, to)
		}
	}
	if got := len(c.ledger.Changes()); got != before || c.visitCount() != 1 {
		t.Errorf("%d changes by abuse", got-before)
	}
	if logs := c.logs.String(); strings.Contains(logs, "level=ERROR") || strings.Contains(logs, "\x00") {
		t.Errorf("in the log: %.500s", logs)
	}
	if status, _ := b.Deliver(end); status != http.StatusSeeOther || c.visitCount() != 0 {
		t.Errorf("the form itself is no longer taken: %d", status)
	}
}

// TestAbusedSelf: the same of the unattended view, whose answers are all public.
func TestAbusedSelf(t *testing.T) {
	c, a, b, _ := unattended(t)
	answered(b)
	address, mine := strings.TrimPrefix(c.http.URL, "http://"), "Cookie: "+cookies(b)+"\r\n"
	const ours = "Host: recover.example.edu\r\n"
	for raw, want := range map[string]int{
		"GET /passcode/live HTTP/1.1\r\n" + ours + mine + "Sec-Fetch-Site: cross-site\r\n\r\n": 403,
		"GET / HTTP/1.1\r\n" + ours + mine + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n" +
			"Sec-Fetch-Dest: iframe\r\n\r\n": 403,
		"POST /password HTTP/1.1\r\n" + ours + mine + "Origin: https://evil.example\r\nContent-Length: 0\r\n\r\n": 403,
		"POST /password HTTP/1.1\r\nHost: evil.example\r\n" + mine + "Content-Length: 0\r\n\r\n":                  421,
		"GET /visit/x HTTP/1.1\r\n" + ours + mine + "\r\n":                                                        404,
		"GET /%2e%2e/ready HTTP/1.1\r\n" + ours + mine + "\r\n":                                                   404,
		"PATCH /account HTTP/1.1\r\n" + ours + mine + "\r\n":                                                      404,
		"POST /account HTTP/1.1\r\n" + ours + mine + "Content-Type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: 9\r\n\r\nanswer=%0": 400,
	} {
		resp, body := speak(t, address, raw)
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%.80q: %v, want %d", raw, resp, want)
			continue
		}
		guarded(t, raw, resp, body)
	}
	if len(a.claims) != 0 {
		t.Error("a claim was judged")
	}
	b.Open("/password")
	b.Press("Enter", "password", alonePhrase)
	if len(a.claims) != 1 {
		t.Error("what was under way was lost")
	}
}

// TestAStreamOutlivesItsRequest: the deadline for reading a request is not the end of its stream.
func TestAStreamOutlivesItsRequest(t *testing.T) {
	c := newCounter(t)
	defer c.start()()
	const patience = 250 * time.Millisecond
	officer := c.unlocked(alice, alicePIN)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: c.http.Config.Handler, ReadTimeout: patience, WriteTimeout: patience}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	b := kiosktest.New(t, "http://"+l.Addr().String())
	b.Client().Jar = officer.Client().Jar
	events := b.Listen(t.Context(), officer.Page.Live)
	next(t, events)
	select {
	case e, open := <-events:
		t.Errorf("after its request's time the stream says %v, open %v", e, open)
	case <-time.After(3 * patience):
	}
}
