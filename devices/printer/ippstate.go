package printer

import (
	"context"
	"strings"

	"github.com/OpenPrinting/goipp"
)

// jobState is RFC 8011 section 5.3.7.
type jobState int

const (
	jobCanceled  jobState = 7
	jobAborted   jobState = 8
	jobCompleted jobState = 9
)

func (s jobState) over() bool { return s == jobCanceled || s == jobAborted || s == jobCompleted }

// printer-state, RFC 8011 section 5.4.11.
const stateStopped = 5

// about is what a printer says of itself.
type about struct {
	Status
	page page
	// queue: this is CUPS, not the printer. What it says of a printer is from its last job, until
	// the next one has begun.
	queue bool
	// emptyTray: some tray has no paper, perhaps not the one that counts.
	emptyTray bool
}

// Where a printer does not say, paper is A4 and fine enough to read; CUPS scales both.
const (
	usualDPI               = 300
	leastDPI, mostDPI      = 180, 600
	a4Width, a4Height      = 21000, 29700 // in 1/100 mm, as media-size
	leastMedia, mostMedia  = 4000, 60000
	hundredths             = 2540 // of a millimetre in an inch
	attributeState         = "printer-state"
	attributeReasons       = "printer-state-reasons"
	attributeAccepting     = "printer-is-accepting-jobs"
	attributeMedia         = "media-col-default"
	attributeResolution    = "pwg-raster-document-resolution-supported"
	attributeMediaSize     = "media-size"
	attributeQueue         = "cups-version"
	attributeX, attributeY = "x-dimension", "y-dimension"
)

// about asks a printer how it is and what its paper is.
func (p *ippPrinter) about(ctx context.Context) (about, error) {
	m := p.request(goipp.OpGetPrinterAttributes)
	m.Operation.Add(goipp.MakeAttr("requested-attributes", goipp.TagKeyword,
		goipp.String(attributeState), goipp.String(attributeReasons), goipp.String(attributeAccepting),
		goipp.String(attributeMedia), goipp.String(attributeResolution),
		goipp.String(attributeQueue)))
	answer, err := p.ask(ctx, m, nil)
	if err != nil {
		return about{}, err
	}
	return aboutFrom(answer.Printer), nil
}

// aboutFrom reads what counts of a printer's attributes.
func aboutFrom(attributes goipp.Attributes) about {
	a := about{Status: Status{Paper: true, Cover: true, Ready: true},
		page: page{dpi: 0, width: a4Width, height: a4Height}}
	for _, attribute := range attributes {
		n, isNumber := number(attribute)
		switch attribute.Name {
		case attributeState:
			a.Ready = a.Ready && !(isNumber && n == stateStopped)
		case attributeReasons:
			a.reasons(attribute.Values)
		case attributeAccepting:
			accepts, ok := first[goipp.Boolean](attribute)
			a.Ready = a.Ready && (!ok || bool(accepts))
		case attributeQueue:
			a.queue = true
		case attributeMedia:
			a.page.media(attribute)
		case attributeResolution:
			a.page.resolution(attribute.Values)
		}
	}
	if a.page.dpi == 0 {
		a.page.dpi = usualDPI
	}
	a.page.width = a.page.width * a.page.dpi / hundredths
	a.page.height = a.page.height * a.page.dpi / hundredths
	return a
}

// reasons are keywords with a severity behind them, RFC 8011 section 5.4.12. Of two trays one may
// be empty: then it is a report or a warning, and only a job that does not come out shows which.
func (a *about) reasons(values goipp.Values) {
	for _, each := range values {
		word := each.V.String()
		mild := strings.HasSuffix(word, "-report") || strings.HasSuffix(word, "-warning")
		for _, severity := range []string{"-report", "-warning", "-error"} {
			word = strings.TrimSuffix(word, severity)
		}
		switch word {
		case "media-low":
			a.Low = true
		case "media-needed", "media-empty", "input-tray-missing":
			a.Paper, a.emptyTray = a.Paper && mild && word != "media-needed", true
		case "cover-open", "door-open", "interlock-open", "input-media-tray-door-open":
			a.Cover = a.Cover && mild
		case "offline", "shutdown", "paused", "timed-out", "media-jam", "marker-supply-empty",
			"toner-empty":
			a.Ready = a.Ready && mild
		}
	}
}

// media takes the size of the paper that is used unless asked otherwise, where it is a sane one.
func (p *page) media(attribute goipp.Attribute) {
	column, ok := first[goipp.Collection](attribute)
	if !ok {
		return
	}
	for _, member := range column {
		size, ok := first[goipp.Collection](member)
		if !ok || member.Name != attributeMediaSize {
			continue
		}
		for _, side := range size {
			n, ok := number(side)
			switch {
			case !ok || n < leastMedia || n > mostMedia:
			case side.Name == attributeX:
				p.width = n
			case side.Name == attributeY:
				p.height = n
			}
		}
	}
}

// resolution takes the lowest that is good enough.
func (p *page) resolution(values goipp.Values) {
	for _, each := range values {
		r, ok := each.V.(goipp.Resolution)
		if !ok || r.Xres != r.Yres || r.Units != goipp.UnitsDpi {
			continue
		}
		if r.Xres >= leastDPI && r.Xres <= mostDPI && (p.dpi == 0 || r.Xres < p.dpi) {
			p.dpi = r.Xres
		}
	}
}

// closed is why nothing can be printed, before a job: what a queue remembers does not count.
func (a about) closed() error {
	if a.queue {
		a.Paper, a.Cover = true, true
	}
	return a.Err()
}

// halts is why a job waits that was sent long ago or just now, to a printer that was as before.
func (a about) halts(before about, long bool) error {
	switch {
	case a.queue && !long && before.Err() != nil:
		return a.closed()
	case long && a.emptyTray:
		return ErrNoPaper
	}
	return a.Err()
}

// first is the first value of an attribute, if it has that type.
func first[V goipp.Value](a goipp.Attribute) (v V, ok bool) {
	if len(a.Values) == 0 {
		return v, false
	}
	v, ok = a.Values[0].V.(V)
	return v, ok
}

func number(a goipp.Attribute) (int, bool) {
	n, ok := first[goipp.Integer](a)
	return int(n), ok
}
