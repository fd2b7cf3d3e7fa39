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

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
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
    if (e.matches('button, .btn') && e.scrollWidth > e.clientWidth + 1)
      found.push('its words do not fit: ' + name(e) + ' ' + e.scrollWidth);
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
		chromedp.Flag("disable-quic", true), chromedp.UserDataDir(kiosktest.Profile(t)),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.WSURLReadTimeout(time.Minute),
	)
	patience := 8 * time.Minute
	if os.Getenv("SOAK") != "" {
		patience = time.Hour
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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

// gallery serves the samples as a desk would: with the policy, and a silent event stream. A page
// speaks the language of the query parameter lang.
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
			l := Look{Theme: "light", Lang: r.FormValue("lang")}
			if err := s.Render(l).Render(r.Context(), w); err != nil {
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

func (s screen) fit() chromedp.Action {
	return emulation.SetDeviceMetricsOverride(s.width, s.height, 1, false)
}

// TestBrowser renders every page in every language on both panels. KIOSK_ONLY is how the names of
// the wanted pages begin, KIOSK_LANG the only language, and KIOSK_SHOTS a folder for screenshots.
func TestBrowser(t *testing.T) {
	ctx, server := browser(t), gallery(t, Gallery())
	queue := make(chan sheet)
	var tabs sync.WaitGroup
	for range workers() {
		tab, cancel := chromedp.NewContext(ctx)
		defer cancel()
		tabs.Go(func() {
			complaints := listen(tab)
			for s := range queue {
				for _, problem := range inspect(tab, server.URL, s) {
					t.Errorf("%s: %s", s.name(), problem)
				}
				for _, line := range complaints() {
					t.Errorf("%s: the browser says: %s", s.name(), line)
				}
			}
		})
	}
	for _, s := range sheets() {
		queue <- s
	}
	close(queue)
	tabs.Wait()
}

// sheet is a page in one language, and how it is looked at.
type sheet struct {
	page, lang string
	looks      map[string][]appearance // by the name of the screen
}

// name is the page, and the language where it is not the first: fit for a file name.
func (s sheet) name() string {
	if s.lang == Langs()[0] {
		return s.page
	}
	return s.page + "-" + s.lang
}

// sheets are the wanted pages. Colours are proven in the first language alone, for all pages. What
// can be wrong with another language is the length of its words and what is said to a screen
// reader: axe once, and the ruler wherever a theme, a panel or large text moves the words. With SOAK
// nothing is left out.
func sheets() []sheet {
	var out []sheet
	for _, lang := range Langs() {
		if only := os.Getenv("KIOSK_LANG"); only != "" && lang != only {
			continue
		}
		wanted := map[string][]appearance{screens[0].name: first, screens[1].name: rest}
		switch {
		case os.Getenv("SOAK") != "":
			wanted = map[string][]appearance{screens[0].name: every, screens[1].name: every}
		case lang == Langs()[0]:
			wanted = map[string][]appearance{screens[0].name: looks, screens[1].name: looks}
		}
		for _, s := range Gallery() {
			if strings.HasPrefix(s.Name, os.Getenv("KIOSK_ONLY")) {
				out = append(out, sheet{s.Name, lang, wanted})
			}
		}
	}
	return out
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
			`</p><div class="pad"><button class="key">Unlocking the desk</button></div></main></body>` +
			`</html>`)
	}}
	tab, cancel := chromedp.NewContext(browser(t))
	defer cancel()
	complaints := listen(tab)
	badly := sheet{bad.Name, Langs()[0], map[string][]appearance{screens[0].name: looks}}
	all := strings.Join(inspect(tab, gallery(t, []Sample{bad}).URL, badly), "\n") +
		strings.Join(complaints(), "\n")
	for _, want := range []string{
		"wider than its box", "off the right edge", "target ", "do not fit", "axe label",
		"Content Security Policy",
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

// inspect loads a page once and looks at it on every screen: it lays itself out anew.
func inspect(tab context.Context, base string, s sheet) []string {
	err := chromedp.Run(tab, screens[0].fit(),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Navigate(base+"/gallery/"+s.page+"?lang="+s.lang),
		chromedp.Evaluate(axe+"; true", nil),
	)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, size := range screens {
		if err := chromedp.Run(tab, size.fit()); err != nil {
			return append(problems, size.name+": "+err.Error())
		}
		for _, l := range s.looks[size.name] {
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

// every is all of axe in every theme.
var every = []appearance{
	looks[0], {"dark", "dark", "", "all"}, {"contrast", "contrast", "", "all"}, looks[3],
}

// first and rest are enough for a language whose pages were seen in another: see sheets.
var (
	thick = appearance{"contrast", "contrast", "", "none"} // its borders take room
	first = []appearance{looks[0], thick, looks[3]}
	rest  = []appearance{{"light", "light", "", "none"}, thick, looks[3]}
)

func measure(tab context.Context, s sheet, size screen, l appearance) ([]string, error) {
	var found []string
	call := fmt.Sprintf("(%s)(%s, %s, %s)", probe, quote(l.theme), quote(l.text), quote(l.rules))
	err := chromedp.Run(tab, chromedp.Evaluate(call, &found, awaited))
	if err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}
	if dir := os.Getenv("KIOSK_SHOTS"); dir != "" {
		return found, shoot(tab, filepath.Join(dir, s.name()+"-"+size.name+"-"+l.name+".png"))
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
