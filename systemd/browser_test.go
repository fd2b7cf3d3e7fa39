//go:build browser

package systemd

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// TestBrowserPolicy starts the browser that the unit starts with the policy that is installed, and
// asks it for the desk's page, for another origin on this very machine, for its own settings, and
// what it makes of the policy.
func TestBrowserPolicy(t *testing.T) {
	ours, other := site(t), site(t)
	page := policy(t)
	page["URLAllowlist"] = []string{ours, "chrome://policy"} // the test's own port, and the last question
	if _, err := browserWith(t, page); err == nil || !strings.Contains(err.Error(), "Not allowed") {
		t.Errorf("developer tools could be attached: %v", err)
	}
	delete(page, "DeveloperToolsAvailability") // they are the test's hands
	ctx, err := browserWith(t, page)
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	for _, path := range []string{"/", "/person-display"} {
		if got, err := visit(ctx, ours+path); err != nil || got != "served to "+path {
			t.Errorf("the desk's own %s shows %q, %v", path, got, err)
		}
	}
	for _, url := range []string{other + "/", "chrome://version", "file:///etc/passwd",
		"view-source:" + ours + "/", "data:text/html,served"} {
		got, err := visit(ctx, url)
		if err == nil || !strings.Contains(err.Error(), "ERR_BLOCKED_BY_ADMINISTRATOR") {
			t.Errorf("%s shows %q, %v", url, got, err)
		}
	}
	judged(t, ctx, page)
}

// visit opens a page in a tab of its own and returns its text.
func visit(ctx context.Context, url string) (text string, err error) {
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	err = chromedp.Run(ctx, chromedp.Navigate(url), chromedp.WaitReady("body"),
		chromedp.Evaluate("document.body.innerText", &text))
	return text, err
}

// judged asks the browser which settings it took: one it does not know, or a value it does not like,
// has an error there.
func judged(t *testing.T, ctx context.Context, page map[string]any) {
	t.Helper()
	var taken map[string]string
	err := chromedp.Run(ctx, chromedp.Navigate("chrome://policy"), chromedp.Poll(`(() => {
		const taken = {};
		const walk = root => { // the rows stand in shadows
			for (const e of root.querySelectorAll('*')) {
				if (!e.shadowRoot) continue;
				const row = e.shadowRoot.textContent.trim().replace(/\s+/g, ' ');
				if (e.localName === 'policy-row')
					taken[row.split(' ')[0]] = row.match(/ Status (.*?) Error/)?.[1] ?? row;
				walk(e.shadowRoot);
			}
		};
		walk(document);
		return Object.keys(taken).length > 1 && taken;
	})()`, &taken, chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		t.Fatal(err)
	}
	for name := range page {
		if status := taken[name]; status != "OK" && status != "Deprecated" {
			t.Errorf("%s: the browser says %q", name, status)
		}
	}
}

// site serves pages that say so, on a loopback address of its own.
func site(t *testing.T) (origin string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<body>served to %s", r.URL.Path)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}

// browserWith starts the browser with a policy. The place of a policy is fixed, and other browsers of
// this machine read it: so it is put there in a mount namespace of this browser's own.
func browserWith(t *testing.T, page map[string]any) (context.Context, error) {
	t.Helper()
	policy, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		need(t, "chromium")
	}
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil {
		need(t, "root, for a mount namespace,")
	}
	dir := t.TempDir()
	managed := filepath.Join(dir, "etc", "policies", "managed")
	script := filepath.Join(dir, "chromium")
	text := fmt.Sprintf("#!/bin/sh\nexec unshare --mount sh -c 'mount --bind %s /etc/chromium && exec %s \"$@\"' "+
		"chromium \"$@\"\n", filepath.Join(dir, "etc"), chromium)
	for name, content := range map[string]string{
		filepath.Join(managed, "tokendesk.json"): string(policy), script: text,
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(script),
		chromedp.NoSandbox, // for root, as tests run; the unit does not
		chromedp.DisableGPU, chromedp.UserDataDir(kiosktest.Profile(t)), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the profile is written no more
	return ctx, chromedp.Run(ctx)
}
