package workbench

import (
	"image/png"
	"net/http"
)

// pathPaper is the picture of the slip that was printed last.
const pathPaper = "/paper.png"

// lastSlip serves it.
func (b *Bench) lastSlip(w http.ResponseWriter, r *http.Request) {
	slips := b.Paper.Slips()
	if len(slips) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "no-store")
	_ = png.Encode(w, slips[len(slips)-1]) // the browser may have gone
}
