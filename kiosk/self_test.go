package kiosk_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// alone is a directory of one person, and a verifier that takes a passcode when it is told to.
type alone struct {
	paper   reads
	mu      sync.Mutex
	claims  []provisioning.Claim
	taken   bool
	gone    bool
	closed  *provisioning.Refusal
	reveals int
	forgot  []provisioning.PasscodeID
	// judging happens while a claim is judged.
	judging func()
}

const (
	aloneID     = provisioning.PasscodeID("0123456789abcdef0123456789abcdef")
	aloneDigits = "918273645"
	alonePhrase = "Tr0ub&dour <3"
)

func (a *alone) Recover(
	_ context.Context, claim provisioning.Claim, password secret.Password, address string,
) (provisioning.PasscodeID, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claims = append(a.claims, claim)
	if a.judging != nil {
		a.judging()
	}
	if address != "127.0.0.1" || string(password.Expose()) != alonePhrase ||
		claim.Account != "dc126543" || claim.Role != "student" || claim.DocumentTail != "56(7" ||
		claim.Born.Format("2006-01-02") != "1999-03-24" {
		return "", provisioning.Refuse(provisioning.CodeRecoveryNo)
	}
	return aloneID, nil
}

func (a *alone) Shown(id provisioning.PasscodeID) ([]secret.Passcode, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case id != aloneID || a.gone:
		return nil, provisioning.Refuse(provisioning.CodePasscodeGone)
	case !a.taken:
		return nil, provisioning.Refuse(provisioning.CodePasscodeWaiting)
	}
	return []secret.Passcode{secret.NewPasscode(aloneDigits)}, nil
}

func (a *alone) Reveal(context.Context, provisioning.PasscodeID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reveals++
	return nil
}

func (a *alone) Forget(id provisioning.PasscodeID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgot = append(a.forgot, id)
}

func (a *alone) Closed(context.Context) *provisioning.Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

func (a *alone) set(change func(*alone)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// unattended starts the view and opens it in a browser that remembers every answer it got.
func unattended(t *testing.T) (*counter, *alone, *kiosktest.Browser, func() string) {
	t.Helper()
	c, a := newCounter(t), &alone{}
	config := c.config
	config.Printer = &a.paper
	config.Site.Passcodes = []provisioning.PasscodeTerms{{Type: provisioning.PasscodeRecovery,
		Hours: 24, Uses: 2}}
	self, err := kiosk.NewSelf(config, a, []string{"recover.example.edu"}, false)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(self.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- self.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		web.Close()
	})
	c.http = web
	b := c.browser()
	var mu sync.Mutex
	var seen strings.Builder
	b.Inspect = func(r *http.Response, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen.WriteString(r.Request.URL.String() + r.Header.Get("Location"))
		seen.Write(body)
	}
	b.Open("/")
	return c, a, b, func() string {
		mu.Lock()
		defer mu.Unlock()
		return seen.String()
	}
}

// opOf finds what differs from one rendering to the next.
var opOf = regexp.MustCompile(`name="op" value="[0-9a-f]+"|data-idle="\d+"`)

// answered types everything but the password.
func answered(b *kiosktest.Browser) {
	b.Press("Get a 2FA passcode")
	b.Press("Student")
	b.Press("Continue", "answer", "dc126543")
	b.Press("Continue", "answer", "24 03 1999")
	b.Press("Continue", "answer", "56(7")
}

func TestSelfRecovery(t *testing.T) {
	_, a, b, seen := unattended(t)
	answered(b)
	want(t, b, "Your password", "dc126543")
	b.Press("Get the passcode", "password", alonePhrase)
	want(t, b, "sign-in service")
	before := seen()
	a.set(func(a *alone) { a.taken = true })
	b.Reload()
	wantNot(t, b, spelled(aloneDigits))
	b.Press("Show my code")
	want(t, b, "918", "273", "645")
	if title := b.Page.Title; strings.Contains(title, "918") || a.reveals != 1 {
		t.Errorf("title %q, %d reveals", title, a.reveals)
	}
	if got := b.Page.Header.Get("Refresh"); got != "30; url=/passcode" && got != "31; url=/passcode" {
		t.Errorf("without scripts the digits stay: %q", got)
	}
	if got := b.Page.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the digits may be kept: %q", got)
	}
	b.Press("Print")
	if got := strings.Join(a.paper.codes, " "); got != aloneDigits {
		t.Errorf("on paper is %q", got)
	}
	b.Press("Hide now")
	wantNot(t, b, spelled(aloneDigits))
	for _, secret := range []string{"Tr0ub", aloneDigits, "1999"} {
		if strings.Contains(before, secret) && secret != "1999" {
			t.Errorf("%q was sent to the browser before it was asked for", secret)
		}
	}
	b.Press("I have it, finish")
	if len(a.forgot) != 1 || b.Page.URL.Path != "/" {
		t.Errorf("forgot %v at %s", a.forgot, b.Page.URL)
	}
	b.Open("/passcode")
	if b.Page.URL.Path != "/" {
		t.Errorf("afterwards the passcode is at %s", b.Page.URL)
	}
}

// TestSelfTellsNoReason: whatever was wrong, the page is the same to the byte.
func TestSelfTellsNoReason(t *testing.T) {
	var first string
	for _, wrong := range []struct{ role, account, born, tail, password string }{
		{"Staff", "dc126543", "24 03 1999", "56(7", alonePhrase},
		{"Student", "nobody", "24 03 1999", "56(7", alonePhrase},
		{"Student", "dc126543", "25 03 1999", "56(7", alonePhrase},
		{"Student", "dc126543", "24 03 1999", "0000", alonePhrase},
		{"Student", "dc126543", "24 03 1999", "56(7", "wrong"},
	} {
		_, _, b, _ := unattended(t)
		b.Press("Get a 2FA passcode")
		b.Press(wrong.role)
		b.Press("Continue", "answer", wrong.account)
		b.Press("Continue", "answer", wrong.born)
		b.Press("Continue", "answer", wrong.tail)
		b.Press("Get the passcode", "password", wrong.password)
		want(t, b, "do not match")
		page := opOf.ReplaceAllString(strings.ReplaceAll(b.Page.HTML, wrong.account, "ACCOUNT"), "OP")
		if first == "" {
			first = page
		} else if page != first {
			t.Errorf("%+v reads another page", wrong)
		}
	}
}

// TestSelfWithoutScripts: every key of the keyboard is a button, and the password is never sent
// back.
func TestSelfWithoutScripts(t *testing.T) {
	_, _, b, seen := unattended(t)
	answered(b)
	for _, key := range alonePhrase {
		label := string(key)
		if key == ' ' {
			label = "Space"
		}
		b.Press(label)
	}
	b.Press("q")
	b.Press("Delete")
	if all := seen(); strings.Contains(all, "Tr0") {
		t.Error("the password came back")
	}
	b.Press("Get the passcode")
	want(t, b, "sign-in service")
}

// TestSelfLeftWhileJudged: the digits of somebody who went away before they were there are not kept.
func TestSelfLeftWhileJudged(t *testing.T) {
	c, a, b, _ := unattended(t)
	answered(b)
	a.set(func(a *alone) { a.judging = func() { c.pass(91e9) } })
	b.Press("Get the passcode", "password", alonePhrase)
	if b.Page.URL.Path != "/" || len(a.forgot) != 1 || a.forgot[0] != aloneID {
		t.Errorf("at %s, forgot %v", b.Page.URL, a.forgot)
	}
}

func TestSelfEnds(t *testing.T) {
	c, a, b, _ := unattended(t)
	answered(b)
	b.Press("Stop and clear")
	b.Open("/password")
	if b.Page.URL.Path != "/" {
		t.Errorf("what was stopped goes on at %s", b.Page.URL)
	}
	answered(b)
	c.pass(91e9)
	b.Open("/password")
	if b.Page.URL.Path != "/" {
		t.Errorf("what was let lie goes on at %s", b.Page.URL)
	}
	a.set(func(a *alone) { a.closed = provisioning.Refuse(provisioning.CodeRecoveryClosed) })
	b.Open("/")
	want(t, b, "not given here")
	if got := b.Page.Header.Get("Refresh"); got != "5; url=/" {
		t.Errorf("a closed view looks again: %q", got)
	}
}

// TestSelfLeadsNowhereElse: no address of the counter exists here, and no name but its own is
// answered to.
func TestSelfLeadsNowhereElse(t *testing.T) {
	c, _, b, _ := unattended(t)
	answered(b)
	for _, path := range append(deskRoutes, "/person", "/requests", "/visit/x", "/lock") {
		if b.Open(path); b.Page.Status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, b.Page.Status)
		}
	}
	for host, status := range map[string]int{"recover.example.edu": 200, "evil.example": 421} {
		req, _ := http.NewRequest(http.MethodGet, c.http.URL+"/", nil)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, status)
		}
	}
}

func TestSelfAnswersThatCannotBe(t *testing.T) {
	_, a, b, _ := unattended(t)
	b.Press("Get a 2FA passcode")
	b.Press("Student")
	b.Press("Continue")
	want(t, b, "not complete")
	b.Press("Continue", "answer", "dc126543")
	b.Press("Continue", "answer", "31 02 1999")
	want(t, b, "not complete")
	b.Press("Continue", "answer", "24031999")
	b.Press("Continue", "answer", "567")
	want(t, b, "not complete")
	if len(a.claims) != 0 {
		t.Error("something was judged too early")
	}
}

// TestSelfCookieUnderTLS: served under TLS, the cookie goes over nothing else.
func TestSelfCookieUnderTLS(t *testing.T) {
	config := newCounter(t).config
	for _, secure := range []bool{true, false} {
		self, err := kiosk.NewSelf(config, &alone{}, nil, secure)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		self.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil))
		cookie := w.Result().Cookies()[0]
		if cookie.Name != "self" || cookie.Secure != secure || !cookie.HttpOnly {
			t.Errorf("under TLS %v: %v", secure, cookie)
		}
	}
}
