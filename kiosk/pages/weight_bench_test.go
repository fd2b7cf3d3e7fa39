package pages

import (
	"bytes"
	"io/fs"
	"testing"
)

// BenchmarkWeight renders every page of the gallery, compresses it, and reports the heaviest one
// with everything it loads but the photo.
func BenchmarkWeight(b *testing.B) {
	shared := 0
	for _, name := range []string{"kiosk.css", "kiosk.js", "icon.svg"} {
		body, err := fs.ReadFile(Assets(), name)
		if err != nil {
			b.Fatal(err)
		}
		shared += zipped(body)
	}
	most, pages := 0, 0
	for b.Loop() {
		pages = 0
		for _, s := range Gallery() {
			var out bytes.Buffer
			if err := s.Render(Look{Theme: "light"}).Render(b.Context(), &out); err != nil {
				b.Fatal(err)
			}
			most, pages = max(most, zipped(out.Bytes())), pages+1
		}
	}
	b.ReportMetric(float64(shared+most), "gzip-bytes")
	b.ReportMetric(float64(shared), "shared-gzip-bytes")
	b.ReportMetric(float64(pages), "pages")
	b.ReportMetric(0, "ns/op")
}
