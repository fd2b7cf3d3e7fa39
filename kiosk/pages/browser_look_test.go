//go:build browser

package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// focusProbe gives the focus of a keyboard to everything that takes it, in turn, and names what
// does not show it: on itself, on the label that stands for it, or on the box around it.
const focusProbe = `(theme) => {
  if (theme) document.documentElement.dataset.theme = theme;
  const ring = (e) => {
    const s = e && getComputedStyle(e);
    return s && s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
  };
  const found = [];
  const takers = 'a[href], button, input:not([type=hidden]), [tabindex="0"]';
  for (const e of document.querySelectorAll(takers)) {
    if (e.closest('.vh, dialog:not([open])') || e.tabIndex < 0) continue;
    e.focus({ focusVisible: true });
    if (document.activeElement !== e) continue;
    if (![e, e.nextElementSibling, e.parentElement].some(ring))
      found.push(e.outerHTML.slice(0, 120));
  }
  return found;
}`

// media are what the system may ask of a page beside the officer's own choice.
var media = []struct {
	name     string
	features []*emulation.MediaFeature
	themes   []string
}{
	{"plain", nil, []string{"light", "dark", "contrast"}},
	{"forced-colors", []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}},
		[]string{""}},
	{"more-contrast", []*emulation.MediaFeature{{Name: "prefers-contrast", Value: "more"},
		{Name: "prefers-color-scheme", Value: "dark"}}, []string{""}},
}

// TestFocusIsSeen: on a page of every kind, in every theme, and where the system sets the colours.
// KIOSK_SHOTS names a folder for the screenshots.
func TestFocusIsSeen(t *testing.T) {
	tab, cancel := chromedp.NewContext(browser(t))
	defer cancel()
	server := gallery(t, Gallery())
	for _, m := range media {
		for _, name := range []string{"locked", "ready-busy", "number-letters", "person", "check-ready",
			"agree", "done-loan", "parked-list", "token-ready"} {
			err := chromedp.Run(tab, emulation.SetDeviceMetricsOverride(1280, 800, 1, false),
				emulation.SetEmulatedMedia().WithFeatures(m.features),
				chromedp.Navigate(server.URL+"/gallery/"+name))
			if err != nil {
				t.Fatal(err)
			}
			for _, theme := range m.themes {
				var unseen []string
				call := fmt.Sprintf("(%s)(%s)", focusProbe, quote(theme))
				if err := chromedp.Run(tab, chromedp.Evaluate(call, &unseen)); err != nil {
					t.Fatal(err)
				}
				for _, each := range unseen {
					t.Errorf("%s %s %s: the focus is not seen on %s", name, m.name, theme, each)
				}
			}
			if dir := os.Getenv("KIOSK_SHOTS"); dir != "" && m.features != nil {
				if err := shoot(tab, filepath.Join(dir, name+"-"+m.name+".png")); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestTicksStandOnWhatIsChosen: also where the system sets the colours and none is transparent.
func TestTicksStandOnWhatIsChosen(t *testing.T) {
	tab, cancel := chromedp.NewContext(browser(t))
	defer cancel()
	server := gallery(t, Gallery())
	for _, m := range media {
		var wrong []string
		err := chromedp.Run(tab, emulation.SetEmulatedMedia().WithFeatures(m.features),
			chromedp.Navigate(server.URL+"/gallery/person"),
			chromedp.Evaluate(`[...document.querySelectorAll('.pick')].filter((p) =>
				(getComputedStyle(p.querySelector('.dot svg')).visibility === 'visible') !==
				p.querySelector('input').checked).map((p) => p.textContent.trim())`, &wrong))
		if err != nil {
			t.Fatal(err)
		}
		for _, each := range wrong {
			t.Errorf("%s: %q looks like what it is not", m.name, each)
		}
	}
}

// TestThePersonFits: the person, the check and every tile stand on both panels without scrolling,
// in every language.
func TestThePersonFits(t *testing.T) {
	tab, cancel := chromedp.NewContext(browser(t))
	defer cancel()
	server := gallery(t, Gallery())
	for _, s := range sheets() {
		if !strings.HasPrefix(s.page, "person") || strings.HasSuffix(s.page, "long-name") {
			continue // that one has an alert on top, which may push.
		}
		err := chromedp.Run(tab,
			chromedp.Navigate(server.URL+"/gallery/"+s.page+"?lang="+s.lang))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range screens {
			var over int
			err := chromedp.Run(tab, size.fit(), chromedp.Evaluate(
				`(m => m.scrollHeight - m.clientHeight)(document.querySelector('main'))`, &over))
			if err != nil {
				t.Fatal(err)
			}
			if over > 0 {
				t.Errorf("%s %s scrolls by %d px", s.name(), size.name, over)
			}
		}
	}
}
