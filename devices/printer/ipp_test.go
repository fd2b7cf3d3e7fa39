package printer

import (
	"errors"
	"image"
	"testing"
	"time"
)

// opened is a printer by IPP.
func opened(t *testing.T, uri string) Printer {
	t.Helper()
	p, err := Open(Options{Kind: "ipp", URI: uri})
	if err != nil {
		t.Fatal(err)
	}
	p.(*ippPrinter).patience = patience{job: 40 * time.Second, tray: time.Second, cancel: time.Second}
	return p
}

// TestPrintsWithoutADriver: CUPS's own IPP Everywhere printer takes a slip as it is, and what it
// puts on paper is the slip. Out of paper, the caller is told within seconds. That printer is one
// of those that print a canceled job all the same, and so the outcome is said to be unknown.
func TestPrintsWithoutADriver(t *testing.T) {
	t.Parallel()
	e := newEve(t)
	p := opened(t, e.uri())
	slip := samples()["pt"]
	if err := p.Print(t.Context(), slip); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "one document", func() bool { return len(e.documents(t)) == 1 })
	looksLike(t, e.documents(t)[0], slip)

	e.setPaper(t, 0)
	began := time.Now()
	err := p.Print(t.Context(), slip)
	if !errors.Is(err, ErrNoPaper) || !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("without paper: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the caller waited %v", took)
	}
	if n := len(e.documents(t)); n != 1 {
		t.Errorf("%d documents", n)
	}
}

// TestPrintsByCUPS: Debian's print server takes the same document, converts it for the printer, and
// what comes out is the slip. CUPS says so when the printer has no paper.
func TestPrintsByCUPS(t *testing.T) {
	t.Parallel()
	e := newEve(t)
	c := newCups(t, e.uri())
	p := opened(t, c.uri())
	slip := samples()["ms"]
	if err := p.Print(t.Context(), slip); err != nil {
		t.Fatal(err)
	}
	looksLike(t, e.documents(t)[0], slip)

	e.setPaper(t, 0)
	err := p.Print(t.Context(), slip)
	if !errors.Is(err, ErrNoPaper) || !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("without paper: %v", err)
	}
	if n := len(e.documents(t)); n != 1 {
		t.Errorf("%d documents", n)
	}
}

// looksLike compares the ink on the page that came out with the picture drawn from the slip: cell
// by cell, because a filter may have scaled it. CUPS does not always choose the same resolution, and
// a cell is so high that a rule at its edge, which falls into the next one then, makes no difference.
func looksLike(t *testing.T, document []byte, s Slip) {
	t.Helper()
	pages, err := unraster(document)
	if err != nil || len(pages) != 1 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	f, err := readFonts("", "")
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.paint(s, 850, 850)
	if err != nil {
		t.Fatal(err)
	}
	drawn, got := inked(want), inked(pages[0])
	if got.Empty() {
		t.Fatal("an empty page came out")
	}
	const across, down = 24, 24
	differ := 0
	for y := range down {
		for x := range across {
			a := cell(want, drawn, x, y, across, down)
			b := cell(pages[0], got, x, y, across, down)
			if d := a - b; d > 0.08 || d < -0.08 {
				differ++
			}
		}
	}
	if differ > across*down/50 {
		t.Errorf("%d of %d cells are inked otherwise than the slip", differ, across*down)
	}
	if top, left := got.Min.Y*20, got.Min.X*10; top > pages[0].Bounds().Dy() ||
		left > pages[0].Bounds().Dx() {
		t.Errorf("the slip begins at %v, not in the upper left corner", got.Min)
	}
}

// inked is the box around all ink.
func inked(picture *image.Gray) image.Rectangle {
	var box image.Rectangle
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if picture.Pix[y*picture.Stride+x] < dark {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// cell is how much of one cell of a grid over a box is ink.
func cell(picture *image.Gray, box image.Rectangle, x, y, across, down int) float64 {
	x0, x1 := box.Min.X+box.Dx()*x/across, box.Min.X+box.Dx()*(x+1)/across
	y0, y1 := box.Min.Y+box.Dy()*y/down, box.Min.Y+box.Dy()*(y+1)/down
	sum, n := 0, 0
	for row := y0; row < y1; row++ {
		for column := x0; column < x1; column++ {
			sum += 255 - int(picture.Pix[row*picture.Stride+column])
			n++
		}
	}
	return float64(sum) / float64(max(n, 1)) / 255
}
