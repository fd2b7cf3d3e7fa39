package printer

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"
)

// fake is an IPP printer with any fault: reasons it gives and how a job goes on.
type fake struct {
	mu sync.Mutex
	// idle and busy are printer-state-reasons without a job and with one.
	idle, busy string
	// ends is the state a job comes to by itself; 0 never. stubborn does not let go of a job.
	ends     jobState
	stubborn bool
	queue    bool
	stopped  bool
	// refuse is a status that answers Print-Job; drop hangs up on it instead.
	refuse goipp.Status
	drop   bool

	printed, canceled bool
	sent              bool
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var m goipp.Message
	if err := m.Decode(r.Body); err != nil {
		http.Error(w, "no message", http.StatusBadRequest)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	answer := goipp.NewResponse(m.Version, goipp.StatusOk, m.RequestID)
	switch goipp.Op(m.Code) {
	case goipp.OpGetPrinterAttributes:
		f.describe(answer)
	case goipp.OpPrintJob:
		if f.drop {
			panic(http.ErrAbortHandler)
		}
		answer.Code = goipp.Code(f.refuse)
		f.sent = f.refuse == goipp.StatusOk
		answer.Job.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(7)))
	case goipp.OpCancelJob:
		f.canceled = !f.stubborn
	case goipp.OpGetJobAttributes:
		answer.Job.Add(goipp.MakeAttribute("job-state", goipp.TagEnum, goipp.Integer(f.state())))
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	_ = answer.Encode(w)
}

func (f *fake) describe(answer *goipp.Message) {
	reasons, state := f.idle, 3
	if f.sent {
		reasons = f.busy
	}
	if f.stopped {
		state = stateStopped
	}
	answer.Printer.Add(goipp.MakeAttribute(attributeState, goipp.TagEnum, goipp.Integer(state)))
	list := goipp.Attribute{Name: attributeReasons}
	for _, word := range strings.Fields(reasons + " none") {
		list.Values.Add(goipp.TagKeyword, goipp.String(word))
	}
	answer.Printer.Add(list)
	if f.queue {
		answer.Printer.Add(goipp.MakeAttribute(attributeQueue, goipp.TagText, goipp.String("2.4.2")))
	}
}

func (f *fake) state() jobState {
	switch {
	case f.canceled:
		return jobCanceled
	case f.ends != 0:
		f.printed = f.ends == jobCompleted
		return f.ends
	}
	return 5 // processing
}

// TestIPPFaults: what each fault is called, and that no job is left behind without saying so.
func TestIPPFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fake *fake
		want error
		out  Out
	}{
		"all is well": {&fake{ends: jobCompleted}, nil, ""},
		"one tray is empty": {&fake{idle: "media-empty-report",
			busy: "media-empty-report", ends: jobCompleted},
			nil, ""},
		"no paper": {&fake{idle: "media-empty"}, ErrNoPaper, OutNothing},
		"cover open": {&fake{idle: "media-low-warning cover-open-error"},
			ErrCover, OutNothing},
		"stopped":    {&fake{stopped: true}, ErrOffline, OutNothing},
		"off line":   {&fake{idle: "offline-error"}, ErrOffline, OutNothing},
		"paper ends": {&fake{busy: "media-needed-report"}, ErrNoPaper, OutPart},
		"the tray it needs": {&fake{idle: "media-empty-report", busy: "media-empty-report"},
			ErrNoPaper, OutPart},
		"it keeps the job": {&fake{busy: "media-empty-error", stubborn: true},
			ErrUnknownOutcome, OutUnknown},
		"it never ends": {&fake{}, ErrUnknownOutcome, OutPart},
		"it gives up":   {&fake{ends: jobAborted}, errOther, OutPart},
		"it refuses":    {&fake{refuse: goipp.StatusErrorBusy}, errOther, OutNothing},
		"it hangs up":   {&fake{drop: true}, ErrUnknownOutcome, OutUnknown},
		"a queue remembers": {&fake{queue: true, idle: "media-needed",
			busy: "media-needed", ends: jobCompleted},
			nil, ""},
		"a queue, no paper": {&fake{queue: true, idle: "media-needed", busy: "media-needed"},
			ErrNoPaper, OutUnknown},
		"a queue, it is out": {&fake{queue: true, busy: "media-empty"}, ErrNoPaper, OutUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.fake)
			defer server.Close()
			p := opened(t, server.URL+"/ipp/print").(*ippPrinter)
			p.patience.job = 2 * time.Second
			err := p.Print(t.Context(), samples()["loan"])
			if c.want == nil {
				if err != nil || !c.fake.printed {
					t.Errorf("printed %v, %v", c.fake.printed, err)
				}
				return
			}
			fault := new(Fault)
			if !errors.Is(err, c.want) || !errors.As(err, &fault) || fault.Out != c.out {
				t.Errorf("%v, want %q and %q", err, c.want, c.out)
			}
			if c.out == OutPart && !c.fake.canceled && c.fake.ends == 0 {
				t.Error("the job is left behind")
			}
		})
	}
}

// FuzzAnswer: whatever a printer answers, paper stays of a size that can be drawn, and an answer to
// another question is none.
func FuzzAnswer(f *testing.F) {
	answer := goipp.NewResponse(goipp.MakeVersion(2, 0), goipp.StatusOk, 1)
	(&fake{idle: "media-empty-report offline", queue: true}).describe(answer)
	size := goipp.Collection{goipp.MakeAttribute(attributeX, goipp.TagInteger, goipp.Integer(21590)),
		goipp.MakeAttribute(attributeY, goipp.TagInteger, goipp.Integer(27940))}
	answer.Printer.Add(goipp.MakeAttribute(attributeMedia, goipp.TagBeginCollection,
		goipp.Collection{goipp.MakeAttribute(attributeMediaSize, goipp.TagBeginCollection, size)}))
	answer.Printer.Add(goipp.MakeAttribute(attributeResolution, goipp.TagResolution,
		goipp.Resolution{Xres: 600, Yres: 600, Units: goipp.UnitsDpi}))
	seed, err := answer.EncodeBytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeAnswer(data, 1)
		if err != nil {
			return
		}
		if m.RequestID != 1 {
			t.Error("another question")
		}
		_ = stateFrom(m.Job)
		p := aboutFrom(m.Printer).page
		if p.dpi < leastDPI || p.dpi > mostDPI || p.width < p.dpi || p.height < p.dpi ||
			p.width*p.height > 15000*15000 {
			t.Errorf("a page %+v", p)
		}
	})
}
