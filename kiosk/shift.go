package kiosk

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// Journal reads the log back.
type Journal interface {
	// Since returns the entries from a moment on, newest first, at most limit of those that keep.
	Since(ctx context.Context, from time.Time, limit int, keep func(provisioning.Entry) bool) (
		[]provisioning.Entry, error)
}

// maxEntries of a day are shown.
const maxEntries = 200

// told are the acts the shift shows: those an officer would be asked about. The word for each is in
// the catalogue under its name, with a line for the dot.
var told = map[provisioning.Act]bool{
	"visit.open": true, "visit.takeover": true, "identity.confirm": true, "identity.doubt": true,
	"loan.write": true, "loan.lost": true, "loan.return": true, "loan.void": true,
	"loan.reinstate": true, "loan.fee": true, "token.restock": true, "token.aside": true,
	"passcode.issue": true, "passcode.reveal": true, "passcode.revoke": true,
	"passcode.mail": true, "request.miss": true, "recovery.failed": true, "recovery.done": true,
	"drawer.count": true, "officer.admit": true,
}

func (s *Server) getShift(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathShift)
	entries, err := s.today(r.Context(), sc)
	if err != nil {
		return err
	}
	return s.show(w, r, pages.ShiftPage(shiftView(sc, entries)))
}

// today are the entries of the site's own day.
func (s *Server) today(ctx context.Context, sc scenery) ([]provisioning.Entry, error) {
	if s.journal == nil {
		return nil, nil
	}
	now := sc.now.In(sc.site.Location)
	from := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, sc.site.Location)
	return s.journal.Since(ctx, from, maxEntries+1,
		func(e provisioning.Entry) bool { return told[e.Act] })
}

func shiftView(sc scenery, entries []provisioning.Entry) pages.ShiftView {
	v := pages.ShiftView{Frame: sc.frame, Totals: totals(sc), More: len(entries) > maxEntries,
		Protection: sc.health.Protection}
	v.Frame.Back = pages.PathHome
	if drawer, ok := provisioning.Get[provisioning.Drawer](sc.snap, "drawer"); ok {
		v.Counted = &pages.CountFact{At: since(sc, drawer.At),
			Officer: officerName(sc.snap, drawer.Officer), Counted: drawer.Counted,
			Expected: drawer.Expected}
	}
	for _, n := range provisioning.DeadNotices(sc.snap) {
		v.Dead = append(v.Dead, pages.DeadRow{ID: string(n.ID), Name: nameOf(sc.snap, n.Person),
			About: string(n.About), Channel: string(n.Channel), At: since(sc, n.At), Why: n.Reason})
	}
	for _, e := range entries[:min(len(entries), maxEntries)] {
		v.Entries = append(v.Entries, pages.EntryRow{At: sc.clock(e.At),
			Officer: officerName(sc.snap, provisioning.OfficerID(e.Actor)),
			Act:     strings.ReplaceAll(string(e.Act), ".", "_"), Person: string(e.Person),
			Outcome: e.Outcome})
	}
	return v
}

// totals are the numbers of the shift, each with the page of what it counts.
func totals(sc scenery) []pages.Total {
	shift := provisioning.ShiftOf(sc.snap)
	warn := func(n int) pages.Tone {
		if n > 0 {
			return pages.Warn
		}
		return pages.Plain
	}
	list := []pages.Total{
		{Key: "stock", N: shift.Stock}, {Key: "lent", N: shift.Lent},
		{Key: "doubtful", N: shift.Doubtful, Path: pages.PathDoubtful, Tone: warn(shift.Doubtful)},
		{Key: "tasks", N: shift.Tasks, Path: pages.PathTasks, Tone: warn(shift.Tasks)},
		{Key: "held", N: shift.Held, Path: pages.PathHeld},
		{Key: "parked", N: shift.Parked, Path: pages.PathParked},
		{Key: "fees", N: shift.OpenFees},
	}
	if shift.OpenFees > 0 {
		list = append(list, pages.Total{Key: "due", N: int(shift.Due.Minor),
			Value: sc.money(shift.Due)})
	}
	if len(sc.site.Passcodes) > 0 {
		list = append(list, pages.Total{Key: "passcodes", N: shift.Passcodes})
	}
	if sc.mails {
		list = append(list, pages.Total{Key: "requests", N: shift.Requests,
			Path: pages.PathRequests, Tone: warn(shift.Requests)})
	}
	return append(list, pages.Total{Key: "notices", N: shift.Notices},
		pages.Total{Key: "dead", N: shift.Dead, Tone: warn(shift.Dead)})
}

// getShiftTotals is the shift in CSV: counts and amounts, and nobody's name.
func (s *Server) getShiftTotals(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathShift)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="shift.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"desk", "at", "total", "value"})
	for _, each := range totals(sc) {
		value := strconv.Itoa(each.N)
		if each.Key == "due" {
			value = pages.Amount("en", "", int64(each.N))
		}
		_ = out.Write([]string{sc.desk, sc.now.UTC().Format(time.RFC3339), each.Key, value})
	}
	out.Flush()
	return nil // the browser may have gone.
}

// postShift retries a dead letter, or takes it off the list.
func (s *Server) postShift(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	id := provisioning.NoticeID(r.PostForm.Get("notice"))
	var command provisioning.Command
	switch r.PostForm.Get("do") {
	case pages.DoRetry:
		command = provisioning.RetryNotice{Notice: id}
	case pages.DoTold:
		command = provisioning.DropNotice{Notice: id, Reason: "told by hand"}
	default:
		return errBadForm
	}
	if _, err := s.order(r.Context(), who.Officer, op, "", command); err != nil {
		return err
	}
	s.settled(r)
	return redirect(w, r, pages.PathShift)
}

func (s *Server) getCount(w http.ResponseWriter, r *http.Request, _ hands) error {
	sc := s.scenery(r, pages.PathShiftCount)
	sc.frame.Back = pages.PathShift
	return s.show(w, r, pages.Count(pages.CountView{Frame: sc.frame,
		Pad: pages.Pad{Value: s.typed(r, pages.PathShiftCount), Max: 4}}))
}

func (s *Server) postCount(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	text, done := s.field(r, "number", 4)
	if !done {
		return redirect(w, r, pages.PathShiftCount)
	}
	counted, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return provisioning.Refuse(CodeAnswerMissing)
	}
	_, err = s.order(r.Context(), who.Officer, op, "", provisioning.CountDrawer{Counted: counted})
	if err != nil {
		return err
	}
	s.settled(r)
	return redirect(w, r, pages.PathShift)
}
