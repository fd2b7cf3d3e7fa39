package kiosk

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// The pages under a visit's. Void and fee have the names of their tiles.
const (
	subVouch = "vouch"
	subHand  = "hand"
	subLoan  = "loan"
	subSlip  = "slip"

	subPasscodes = "passcodes"
	subWhy       = "why"
)

// getSub shows a page under a visit's, as long as the visit is at the step it belongs to.
func (s *Server) getSub(w http.ResponseWriter, r *http.Request, who hands) error {
	v, ok := s.visitOf(r, who)
	sub := r.PathValue("sub")
	if !ok || v.State != provisioning.VisitOpen && sub != subSlip {
		return redirect(w, r, pages.PathHome)
	}
	sc := s.scenery(r, visitPath(v.ID)+"/"+sub)
	sc.frame.Post = r.URL.RequestURI()
	sc.screen.number = s.typed(r, r.URL.Path)
	f := factsOf(sc.snap, v)
	page, known := subPage(sc, f, sub, r.URL.Query().Get("mode"))
	switch {
	case !known:
		return errNotFound
	case page == nil:
		return redirect(w, r, visitPath(v.ID))
	}
	return s.show(w, r, page)
}

// subPage makes one; it is nil when the visit has moved on.
func subPage(sc scenery, f facts, sub, mode string) (page templ.Component, known bool) {
	at := f.visit.Step
	checked := at == provisioning.StepChoose || at == provisioning.StepDone
	switch sub {
	case subVouch:
		if at == provisioning.StepIdentify {
			page = pages.Vouch(vouchView(sc, f))
		}
	case subHand:
		if at == provisioning.StepReturn {
			page = pages.Return(returnView(sc, f, true))
		}
	case subLoan:
		if checked && f.loan.ID != "" {
			page = pages.Detail(detailView(sc, f))
		}
	case subSlip:
		if hasSlip(f) {
			page = pages.SlipPage(slipView(sc, f))
		}
	case subPasscodes:
		if listsPasscodes(sc, f) {
			page = pages.Passcodes(passcodesView(sc, f))
		}
	case subWhy:
		if v, ok := justifyView(sc, f, mode); ok {
			page = pages.Justify(v)
		}
	case pages.DoVoid:
		if checked && f.lent() {
			page = pages.Void(voidView(sc, f))
		}
	case pages.DoFee:
		if checked && f.fee != nil {
			page = pages.Fee(feeView(sc, f, *f.fee, mode))
		}
	default:
		return nil, false
	}
	return page, true
}

// postSub carries out the form of a page under a visit's.
func (s *Server) postSub(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	a := act{s: s, r: r, who: who, op: op, id: provisioning.VisitID(r.PathValue("id"))}
	a.visit, _ = s.visitOf(r, who)
	to, err := a.underneath(r.PathValue("sub"), r.PostForm.Get("do"))
	if err != nil {
		return s.overOr(w, r, err)
	}
	if to == r.URL.RequestURI() {
		return redirect(w, r, to) // one key of a keypad.
	}
	s.settled(r)
	return redirect(w, r, to)
}

func (a act) underneath(sub, do string) (string, error) {
	switch {
	case sub == subVouch && do == pages.DoVouch:
		return a.vouch()
	case sub == subHand && do == pages.DoDamaged:
		return a.damaged()
	case sub == pages.DoVoid && do == pages.DoVoidNow:
		void := provisioning.Void{Loan: a.loan().ID, Reason: a.value("reason")}
		return a.touched("void", func(a act, by provisioning.OfficerID) error {
			void.Touched = by
			return a.do(void)
		})
	case sub == pages.DoFee:
		return a.fee(do)
	case sub == subPasscodes && (do == pages.DoRevoke || do == pages.DoRecovery):
		return a.passcode(do, "")
	case sub == subWhy && do == pages.DoJustify:
		return a.justified()
	}
	return "", errBadForm
}

// vouch takes a supervisor's word: their own PIN first, then the rules.
func (a act) vouch() (string, error) {
	supervisor, pin, done, err := a.s.pin(a.r)
	if err != nil {
		return "", err
	}
	if !done {
		return a.r.URL.RequestURI(), nil
	}
	defer pin.Wipe()
	voucher, err := a.s.officers.Check(a.r.Context(), supervisor, pin)
	if err != nil {
		return "", err
	}
	err = a.first("confirm", provisioning.Confirm{
		Evidence: provisioning.EvidenceSupervisor, Voucher: voucher.ID})
	if err != nil {
		return "", err
	}
	query := a.r.URL.Query()
	return a.chosen(query.Get("then"), query.Get("for"))
}

// damaged takes a token back that cannot be plugged in.
func (a act) damaged() (string, error) {
	serial, done := a.s.field(a.r, "serial", maxNumber)
	if !done {
		return a.r.URL.RequestURI(), nil
	}
	return a.here(), a.do(provisioning.TakeBack{
		Loan: a.loan().ID, ByHand: true, Serial: strings.TrimSpace(serial)})
}

func (a act) fee(do string) (string, error) {
	text, done := a.s.field(a.r, "reference", maxText)
	if !done {
		return a.r.URL.RequestURI(), nil
	}
	if do != pages.DoPaid && do != pages.DoWaive && do != pages.DoReverse {
		return "", errBadForm
	}
	f := factsOf(a.s.visits.Snapshot(), a.visit)
	if f.fee == nil {
		return a.here(), a.do(provisioning.SettleFee{To: feeTarget(do)})
	}
	settle := provisioning.SettleFee{
		Loan: f.fee.ID, To: feeTarget(do), Reference: strings.TrimSpace(text)}
	if do != pages.DoWaive {
		return a.here(), a.do(settle)
	}
	return a.touched("waive", func(a act, by provisioning.OfficerID) error {
		settle.Touched = by
		return a.do(settle)
	})
}
