//go:build browser

package pages

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// firstPaint waits until the page has been painted, and says how many milliseconds after the
// navigation began that was (W3C Paint Timing).
const firstPaint = `new Promise((resolve) => {
  new PerformanceObserver((list) => {
    for (const e of list.getEntriesByName('first-contentful-paint')) resolve(e.startTime);
  }).observe({ type: 'paint', buffered: true });
})`

// BenchmarkPaint opens every page of the gallery in a browser that keeps nothing, once more with
// the stylesheet at hand, as at a counter, and a page of one word: what this browser needs at least.
func BenchmarkPaint(b *testing.B) {
	samples := Gallery()
	word := Sample{Name: "word", Render: func(Look) templ.Component {
		return templ.Raw("<!DOCTYPE html><html lang=en><title>Word</title><p>Word</p></html>")
	}}
	ctx, server := browser(b), gallery(b, append(samples, word))
	tab, cancel := chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Run(tab, emulation.SetDeviceMetricsOverride(1280, 800, 1, false)); err != nil {
		b.Fatal(err)
	}
	var cold, warm, bare []float64
	for b.Loop() {
		for _, s := range samples {
			url := server.URL + "/gallery/" + s.Name
			cold = append(cold, paint(b, tab, url, true))
			warm = append(warm, paint(b, tab, url, false))
			bare = append(bare, paint(b, tab, server.URL+"/gallery/word", false))
		}
	}
	for name, list := range map[string][]float64{
		"cold": cold, "warm": warm, "word": bare,
	} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], name+"-p50-ms")
		b.ReportMetric(list[len(list)*99/100], name+"-p99-ms")
		b.ReportMetric(list[len(list)-1], name+"-max-ms")
	}
	b.ReportMetric(float64(len(cold)), "pages")
	b.ReportMetric(0, "ns/op")
}

func paint(b *testing.B, tab context.Context, url string, forget bool) (ms float64) {
	b.Helper()
	ctx, cancel := context.WithTimeout(tab, 20*time.Second)
	defer cancel()
	err := chromedp.Run(ctx, network.SetCacheDisabled(forget), chromedp.Navigate(url),
		chromedp.Evaluate(firstPaint, &ms, awaited))
	if err != nil {
		b.Fatalf("%s: %v", url, err)
	}
	return ms
}
