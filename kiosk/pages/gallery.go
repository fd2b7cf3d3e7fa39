package pages

import (
	"context"
	"io"
	"slices"

	"github.com/a-h/templ"
)

// Sample is one page in one state, with nothing behind it.
type Sample struct {
	// Name is short and fit for a file name: "ready", "ready-busy".
	Name string
	// Render writes the page as somebody wants to see it.
	Render func(Look) templ.Component
}

// Look is how a page is wanted.
type Look struct {
	// Lang is one of Langs, Theme "light", "dark", "contrast" or "", Text "large" or "".
	Lang, Theme, Text string
}

// Gallery is every page in every notable state, with sample people. Tests render it to golden
// files, screenshots and an accessibility checker; a developer looks at it without a desk.
func Gallery() []Sample {
	return slices.Concat(
		galleryDesk(), galleryLists(), galleryPerson(), galleryLoan(),
		galleryWrite(), galleryReturn(), galleryFee(), gallerySimple(), galleryKey(),
		gallerySelf(), galleryRequests(), galleryOffer(), galleryShift(),
		galleryPasscode(), galleryReveal(), galleryOutward(), galleryEnding(), gallerySite(),
	)
}

// frameOf is the frame of a page of an open visit.
func frameOf(l Look) Frame {
	return Frame{
		Lang: l.Lang, Theme: l.Theme, Text: l.Text, Officer: "M. Sousa", Post: "/visit/5f1c", Op: "01J9Z3",
		Here: "/visit/5f1c", End: true, Idle: Idle{Seconds: 90, Warn: 30, End: PathHome},
	}
}

// desk is the frame of a page without a visit.
func desk(l Look) Frame {
	f := frameOf(l)
	f.Post, f.Here, f.End = PathHome, PathHome, false
	return f
}

// liveFrame is the frame of a page of a visit with a live region.
func liveFrame(l Look) Frame {
	f := frameOf(l)
	f.Live, f.For = "/visit/5f1c/live", "CHAN Lok Ching"
	return f
}

func withAlert(f Frame, code string, params map[string]string) Frame {
	p, _ := Sentence(f.Lang, code, params)
	f.Alert = &p
	return f
}

// look makes a sample of a view, in the language it is wanted in.
func look(name string, page func(Look) templ.Component) Sample {
	return Sample{Name: name, Render: func(l Look) templ.Component {
		return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			return page(l).Render(WithLang(ctx, l.Lang), w)
		})
	}}
}

func sampleCard() PersonCard {
	return PersonCard{
		Name: "CHAN Lok Ching", Native: "陳樂晴", NativeLang: "zh-Hant", Role: "student",
		Unit: "Science and Technology", Number: "DC12 6543", CardUntil: "31 August 2027",
		Portrait: PathAssets + "sample.svg", Devices: 1, Advise: 2,
	}
}

func sampleLoanCard() PersonCard {
	c := sampleCard()
	c.Devices = 2
	c.Loan = &LoanFact{Serial: "2318 0447", Due: "23 May 2027"}
	return c
}

func sampleSlip() Slip {
	return Slip{
		Site: "University of Macau", Desk: "ICTO Help Desk", Serial: "2318 0447",
		Reference: "L-7K2Q", Due: "23 May 2027", At: "23 November 2026, 10:04",
		Fee: "MOP$235.00", Hours: sampleHours(),
	}
}

func sampleHours() []string {
	return []string{"mon-thu 09:00-13:00, 14:00-17:45", "fri 09:00-13:00, 14:00-17:30"}
}

func sampleOfficers() []OfficerPick {
	return []OfficerPick{
		{ID: "msousa", Name: "Maria Sousa", Selected: true}, {ID: "hwong", Name: "WONG Hoi Lam"},
		{ID: "aisyah", Name: "Aisyah binti Rahman"}, {ID: "jlei", Name: "LEI Chi Fong"},
	}
}
