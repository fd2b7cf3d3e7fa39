//go:build browser

package pages

import (
	"bytes"
	"context"
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestSlipPrints: whoever prints a page with a slip gets one sheet of receipt paper, 80 by 130 mm,
// whatever the theme, and the same sheet without the rest of the page.
func TestSlipPrints(t *testing.T) {
	tab, cancel := chromedp.NewContext(browser(t))
	defer cancel()
	server := gallery(t, Gallery())
	for _, name := range []string{"done-loan", "parked", "slip"} {
		pdf := printed(t, tab, server.URL+"/gallery/"+name)
		if n := bytes.Count(pdf, []byte("/Type /Page\n")); n != 1 {
			t.Errorf("%s: %d sheets", name, n)
		}
		box := regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]`).FindSubmatch(pdf)
		if box == nil {
			t.Fatalf("%s: no page size", name)
		}
		for i, mm := range []float64{80, 130} {
			points, err := strconv.ParseFloat(string(box[i+1]), 64)
			if err != nil {
				t.Fatal(err)
			}
			if got := points / 72 * 25.4; math.Abs(got-mm) > 1 {
				t.Errorf("%s: %.1f mm, want %.0f", name, got, mm)
			}
		}
	}
}

func printed(t *testing.T, tab context.Context, address string) []byte {
	t.Helper()
	var pdf []byte
	err := chromedp.Run(tab, chromedp.Navigate(address),
		chromedp.Evaluate(`document.documentElement.dataset.theme = 'dark'`, nil),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).Do(ctx)
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	return pdf
}
