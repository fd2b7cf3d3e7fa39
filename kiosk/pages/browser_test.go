//go:build browser

package pages

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe/axe.min.js
var axe string

// probe sets a theme and reports what a ruler and axe find. Geometry is checked in full each time;
// of axe's rules only the contrast depends on the theme.
const probe = `async (theme, text, rules) => {
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.text = text;
  const found = [];
  const name = (e) => (e.outerHTML || '').slice(0, 120);
  if (!document.styleSheets.length) rules = rules === 'all' ? rules : 'none';
  for (const box of [document.documentElement, document.querySelector('main')])
    if (box.scrollWidth > box.clientWidth)
      found.push('wider than its box: ' + name(box) + ' ' + box.scrollWidth);
  const wide = innerWidth + 1;
  for (const e of document.querySelectorAll('main *, header *, footer *')) {
    const r = e.getBoundingClientRect();
    if (r.width && r.right > wide && getComputedStyle(e).position !== 'fixed')
      found.push('off the right edge: ' + name(e));
  }
  const targets = 'button, a, .pick, input:not([type=hidden]):not([type=radio])';
  // The page of text alone has no style, and so no targets of ours.
  for (const e of document.styleSheets.length ? document.querySelectorAll(targets) : []) {
    if (e.closest('.vh, .skip, dialog:not([open])') || e.type === 'password') continue;
    const r = e.getBoundingClientRect();
    if (r.width && (r.height < 55.9 || r.width < 55.9))
      found.push('target ' + Math.round(r.width) + 'x' + Math.round(r.height) + ': ' + name(e));
  }
  if (rules === 'none') return found;
  const out = await axe.run(document, rules === 'all'
    ? { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }
    : { runOnly: { type: 'rule', values: ['color-contrast'] } });
  for (const v of out.violations) for (const n of v.nodes)
    found.push('axe ' + v.id + ': ' + n.html.slice(0, 160) + ' ' + (n.any[0]?.message || v.help));
  return found;
}`

// browser starts one Chromium for all pages, or says why it cannot.
func browser(t testing.TB) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	// The library speaks of events it does not know yet; what matters comes back as an error.
	quiet := chromedp.WithErrorf(func(string, ...any) {})
	ctx, cancel = chromedp.NewContext(ctx, quiet)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits until the profile is written no more
			t.Logf("stop chromium: %v", err)
		}
	})
	return ctx
}

// gallery serves the samples as a desk would: with the policy, and a silent event stream.
func gallery(t testing.TB, samples []Sample) *httptest.Server {
	t.Helper()
	mux := galleryMux(t, samples)
	silent := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": silent\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	mux.HandleFunc("GET /live", silent)
	mux.HandleFunc("GET /visit/5f1c/live", silent)
	return started(t, mux)
}

func started(t testing.TB, mux *http.ServeMux) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(mux)
	t.Cleanup(server.CloseClientConnections)
	return server
}

func galleryMux(t testing.TB, samples []Sample) *http.ServeMux {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET "+PathAssets, http.StripPrefix(PathAssets, http.FileServerFS(Assets())))
	for _, s := range samples {
		mux.HandleFunc("GET /gallery/"+s.Name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", Policy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if err := s.Render(Look{Theme: "light"}).Render(r.Context(), w); err != nil {
				t.Error(err)
			}
		})
	}
	return mux
}

// screen is a panel the desk is shipped with.
type screen struct {
	name          string
	width, height int64
}

var screens = []screen{{"1280x800", 1280, 800}, {"1080x1920", 1080, 1920}}

// TestBrowser renders every page on both panels in all themes. KIOSK_SHOTS names a folder for the
// screenshots.
func TestBrowser(t *testing.T) {
	ctx, server := browser(t), gallery(t, Gallery())
	queue := make(chan Sample)
	var tabs sync.WaitGroup
	for range workers() {
		tab, cancel := chromedp.NewContext(ctx)
		defer cancel()
		tabs.Go(func() {
			complaints := listen(tab)
			for s := range queue {
				for _, problem := range inspect(tab, server.URL, s) {
					t.Errorf("%s: %s", s.Name, problem)
				}
				for _, line := range complaints() {
					t.Errorf("%s: the browser says: %s", s.Name, line)
				}
			}
		})
	}
	for _, s := range Gallery() {
		if only := os.Getenv("KIOSK_ONLY"); only == "" || strings.HasPrefix(s.Name, only) {
			queue <- s
		}
	}
	close(queue)
	tabs.Wait()
}

// workers is how many tabs work side by side. Only the tab in front is drawn, so for pictures it is
// one.
func workers() int {
	if os.Getenv("KIOSK_SHOTS") != "" {
		return 1
	}
	return 3
}

// TestBrowserSees gives the ruler, axe and the log a page that is wrong in every way they know.
func TestBrowserSees(t *testing.T) {
	bad := Sample{Name: "bad", Render: func(Look) templ.Component {
		return templ.Raw(`<!DOCTYPE html><html lang="en"><head><title>Bad</title>` +
			`<link rel="stylesheet" href="` + asset("kiosk.css") + `"></head><body><main id="main">` +
			`<h1>Bad</h1><button>x</button><input name="unlabelled"><p style="width:5000px">wide</p>` +
			`<canvas width="3000" height="9"></canvas><p>` + strings.Repeat("w", 400) +
			`</p></main></body></html>`)
	}}
	tab, cancel := chromedp.NewContext(browser(t))
	defer cancel()
	complaints := listen(tab)
	all := strings.Join(inspect(tab, gallery(t, []Sample{bad}).URL, bad), "\n") +
		strings.Join(complaints(), "\n")
	for _, want := range []string{
		"wider than its box", "off the right edge", "target ", "axe label", "Content Security Policy",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nobody noticed: %s\n%s", want, all)
		}
	}
}

// listen collects what the browser logs: each report about the policy is one.
func listen(tab context.Context) func() []string {
	var mu sync.Mutex
	var lines []string
	chromedp.ListenTarget(tab, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, e.Entry.Text)
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := lines
		lines = nil
		return out
	}
}

func inspect(tab context.Context, base string, s Sample) []string {
	var problems []string
	for _, size := range screens {
		err := chromedp.Run(tab,
			emulation.SetDeviceMetricsOverride(size.width, size.height, 1, false),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
				{Name: "prefers-reduced-motion", Value: "reduce"}}),
			chromedp.Navigate(base+"/gallery/"+s.Name),
			chromedp.Evaluate(axe+"; true", nil),
		)
		if err != nil {
			return append(problems, size.name+": "+err.Error())
		}
		for _, l := range looks {
			found, err := measure(tab, s, size, l)
			if err != nil {
				found = []string{err.Error()}
			}
			for _, each := range found {
				problems = append(problems, size.name+" "+l.name+": "+each)
			}
		}
	}
	return problems
}

// appearance is what the officer may choose for the screen, and which of axe's rules can change
// their mind by it.
type appearance struct{ name, theme, text, rules string }

var looks = []appearance{
	{"light", "light", "", "all"},
	{"dark", "dark", "", "contrast"},
	{"contrast", "contrast", "", "contrast"},
	{"large", "light", "large", "none"},
}

func measure(tab context.Context, s Sample, size screen, l appearance) ([]string, error) {
	var found []string
	call := fmt.Sprintf("(%s)(%s, %s, %s)", probe, quote(l.theme), quote(l.text), quote(l.rules))
	err := chromedp.Run(tab, chromedp.Evaluate(call, &found, awaited))
	if err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}
	if dir := os.Getenv("KIOSK_SHOTS"); dir != "" {
		return found, shoot(tab, filepath.Join(dir, s.Name+"-"+size.name+"-"+l.name+".png"))
	}
	return found, nil
}

func shoot(tab context.Context, path string) error {
	var picture []byte
	err := chromedp.Run(tab, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		picture, err = page.CaptureScreenshot().WithOptimizeForSpeed(true).Do(ctx)
		return err
	}))
	if err != nil {
		return fmt.Errorf("screenshot: %w", err)
	}
	return os.WriteFile(path, picture, 0o644)
}

func quote(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
