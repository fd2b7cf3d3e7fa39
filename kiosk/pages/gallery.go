package pages

import (
	"slices"

	"github.com/a-h/templ"
)

// Sample is one page in one state, with nothing behind it.
type Sample struct {
	// Name is short and fit for a file name: "ready", "ready-busy".
	Name string
	// Render writes the page in a theme ("light", "dark", "contrast") and a text size.
	Render func(theme, text string) templ.Component
}

// Gallery is every page in every notable state, with sample people. Tests render it to golden
// files, screenshots and an accessibility checker; a developer looks at it without a desk.
func Gallery() []Sample {
	return slices.Concat(
		galleryDesk(), galleryLists(), galleryPerson(), galleryLoan(),
		galleryWrite(), galleryReturn(), galleryFee(), gallerySimple(),
	)
}

// frameOf is the frame of a page of an open visit.
func frameOf(theme, text string) Frame {
	return Frame{
		Theme: theme, Text: text, Officer: "M. Sousa", Post: "/visit/5f1c", Op: "01J9Z3",
		Here: "/visit/5f1c", End: true, Idle: Idle{Seconds: 90, Warn: 30, End: PathHome},
	}
}

// desk is the frame of a page without a visit.
func desk(theme, text string) Frame {
	f := frameOf(theme, text)
	f.Post, f.Here, f.End = PathHome, PathHome, false
	return f
}

// liveFrame is the frame of a page of a visit with a live region.
func liveFrame(theme, text string) Frame {
	f := frameOf(theme, text)
	f.Live, f.For = "/visit/5f1c/live", "CHAN Lok Ching"
	return f
}

func withAlert(f Frame, code string, params map[string]string) Frame {
	p, _ := Sentence(code, params)
	f.Alert = &p
	return f
}

// look makes a sample of a view that depends on theme and text only through its frame.
func look(name string, page func(theme, text string) templ.Component) Sample {
	return Sample{Name: name, Render: page}
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
