//go:build e2e

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// TestE2ELoan is the README's promise, done by a browser: a token is lent on the workbench, the desk
// says that it is registered, its next OTP signs in, and the same OTP is refused the second time.
// DOCS names a folder for the README's screenshots.
func TestE2ELoan(t *testing.T) {
	st := startStage(t, settings{site: "um"})
	browser := chromium(t)
	desk := openTab(t, browser, "http://"+st.screen.Addr().String())
	bench := openTab(t, browser, "http://"+st.bench.Addr().String())
	docs := os.Getenv("DOCS")

	desk.unlock(st.pin)
	desk.sees("Place the ID card")
	bench.click(`//button[@data-card="dc126543"]`)
	desk.sees("CHAN Lok Ching")
	desk.click(`//label[@for="match-yes"]`)
	desk.shot(docs, "person.png")
	desk.press("Phone cannot run the app")
	desk.sees("Plug a token")
	bench.key("17390102", "/plug")
	desk.sees("Nothing is written yet", "17390102"[:4], "MOP$235.00")
	desk.press("Turn the screen")
	desk.press("I agree")
	desk.sees("Please turn the screen back")
	desk.typePIN(st.pin)
	began := time.Now()
	desk.press("Write and loan")
	desk.sees("Touch the gold disc")
	t.Logf("from the press of Write to the page that asks for a touch: %v", time.Since(began))
	desk.shot(docs, "touch.png")
	bench.key("17390102", "/touch")
	desk.sees("registered with the sign-in service", "17390102"[:4])
	desk.shot(docs, "done.png")
	bench.key("17390102", "/plug")
	desk.press("No slip")
	desk.sees("Place the ID card")

	bench.key("17390102", "/type")
	otp := bench.value("#otp")
	if len(otp) != 6 {
		t.Fatalf("the token typed %d characters", len(otp))
	}
	bench.shot(docs, "workbench.png")
	bench.click(`//button[@id="do-signin"]`)
	bench.sees("Signed in.")
	bench.fill("#otp", otp)
	bench.click(`//button[@id="do-signin"]`)
	bench.sees("Not signed in.")
}

// chromium starts a browser, or says why it cannot.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is needed and missing")
		}
		t.Skip("chromium is missing")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.UserDataDir(kiosktest.Profile(t)), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	return ctx
}

// tab is one page in the browser, worked as a person would: by what is written on it.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// patience is how long a page may take to say something.
const patience = 15 * time.Second

func openTab(t *testing.T, browser context.Context, url string) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	// The tab lives as long as the context it is first run with, so that one has no deadline.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p := tab{t, ctx}
	p.do("open "+url, emulation.SetDeviceMetricsOverride(1280, 800, 1, false), chromedp.Navigate(url))
	return p
}

func (p tab) do(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	// A tab behind another one is not drawn, and takes no touch.
	actions = append([]chromedp.Action{page.BringToFront()}, actions...)
	if err := chromedp.Run(ctx, actions...); err != nil {
		var text, url string
		late, cancel := context.WithTimeout(p.ctx, 3*time.Second)
		defer cancel()
		_ = chromedp.Run(late, chromedp.Location(&url), chromedp.Evaluate("document.body.innerText", &text))
		p.shot(os.Getenv("DOCS"), "failed.png")
		p.t.Fatalf("%s: %v\nat %s the page says:\n%s", what, err, url, text)
	}
}

// sees waits until the page says all of these words. The page may be another one by then.
func (p tab) sees(words ...string) {
	p.t.Helper()
	for _, word := range words {
		p.do("wait for "+word, until(fmt.Sprintf("document.body.innerText.includes(%q)", word)))
	}
}

// until waits until a condition holds on whatever page is there.
func until(script string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for holds := false; ; {
			_ = chromedp.Evaluate(script, &holds).Do(ctx) // a page that is being left answers nothing
			if holds {
				return nil
			}
			if err := chromedp.Sleep(50 * time.Millisecond).Do(ctx); err != nil {
				return err
			}
		}
	})
}

// press presses the button with these words.
func (p tab) press(words string) {
	p.t.Helper()
	p.click(fmt.Sprintf(`//button[contains(normalize-space(.), %q)]`, words))
}

// click waits out the moment in which a fresh page takes no touch, and the change of pages, then
// touches.
func (p tab) click(xpath string) {
	p.t.Helper()
	takes := fmt.Sprintf("(e => !!e && getComputedStyle(e).pointerEvents !== 'none')"+
		"(document.evaluate(%q, document, null, 9, null).singleNodeValue)", xpath)
	p.do("click "+xpath, until(takes), chromedp.Sleep(600*time.Millisecond), until(takes),
		chromedp.Click(xpath, chromedp.BySearch))
}

// key presses one of a virtual token's buttons.
func (p tab) key(serial, act string) {
	p.t.Helper()
	p.click(fmt.Sprintf(`//li[@data-serial=%q]//button[@data-act=%q]`, serial, act))
}

// unlock chooses the first officer and enters the PIN.
func (p tab) unlock(pin string) {
	p.t.Helper()
	p.click(`//input[@name="officer"][@value="help"]/following-sibling::label`)
	p.typePIN(pin)
	p.press("Unlock")
}

func (p tab) typePIN(pin string) {
	p.t.Helper()
	for i, digit := range strings.Split(pin, "") {
		key := fmt.Sprintf(`//button[normalize-space(.)=%q]`, digit)
		if i == 0 {
			p.click(key)
			continue
		}
		p.do("key", chromedp.Click(key, chromedp.BySearch))
	}
}

func (p tab) value(selector string) (text string) {
	p.t.Helper()
	p.do("read "+selector, until(fmt.Sprintf("!!document.querySelector(%q)?.value", selector)),
		chromedp.Value(selector, &text))
	return text
}

func (p tab) fill(selector, text string) {
	p.t.Helper()
	p.do("fill "+selector, chromedp.SetValue(selector, text))
}

// shot saves what is on the screen, if there is a folder for it.
func (p tab) shot(dir, name string) {
	p.t.Helper()
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	var png []byte
	if err := chromedp.Run(ctx, page.BringToFront(), chromedp.Sleep(300*time.Millisecond),
		chromedp.CaptureScreenshot(&png)); err != nil {
		p.t.Errorf("screenshot: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
		p.t.Error(err)
	}
}
