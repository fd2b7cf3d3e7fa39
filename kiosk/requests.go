package kiosk

import (
	"net/http"
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// mailForm is a request by mail that is being filled in (S53).
type mailForm struct {
	request      provisioning.RequestID
	number, head string
	// sent is the passcode it ended with.
	sent provisioning.PasscodeID
}

// mailAsk is one question of the form.
type mailAsk struct {
	ask     pages.RequestAsk
	next    string
	longest int
}

var mailAsks = []mailAsk{
	{pages.RequestNumber, requestPath(pages.RequestHead), maxNumber},
	{pages.RequestHead, requestPath(pages.RequestWhy), 4},
	{pages.RequestWhy, pages.PathRequestForm + "/done", 200},
}

func requestPath(ask pages.RequestAsk) string { return pages.PathRequestForm + "/" + string(ask) }

func (s *Server) getRequests(w http.ResponseWriter, r *http.Request, _ hands) error {
	if s.requests == nil {
		return errNotFound
	}
	return s.show(w, r, pages.Requests(requestsView(s.scenery(r, pages.PathRequests), s.mailbox)))
}

func requestsView(sc scenery, box bool) pages.RequestsView {
	v := pages.RequestsView{Frame: sc.frame, Box: box}
	v.Frame.Back = pages.PathHome
	switch {
	case !sc.health.DirectoryUp:
		v.Closed = sc.problem(CodeDirectoryDown, nil).Happened
	case !sc.health.VerifierUp:
		v.Closed = sc.problem(provisioning.CodeVerifierAway, nil).Happened
	}
	for _, each := range provisioning.Requests(sc.snap) {
		v.Rows = append(v.Rows, requestRow(sc, each))
	}
	return v
}

func requestRow(sc scenery, r provisioning.Request) pages.RequestRow {
	row := pages.RequestRow{ID: string(r.ID), From: r.From, Title: r.Title, Text: r.Text, Cut: r.Cut,
		At: since(sc, r.At), Mine: r.Officer == sc.hands.Officer}
	if r.State == provisioning.RequestTaken && !row.Mine {
		row.Officer = officerName(sc.snap, r.Officer)
	}
	return row
}

func (s *Server) postRequests(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	id := provisioning.RequestID(r.PostForm.Get("request"))
	to := requestPath(pages.RequestNumber)
	switch r.PostForm.Get("do") {
	case pages.DoType:
		id = ""
	case pages.DoTake:
		_, err = s.order(r.Context(), who.Officer, op, "",
			provisioning.TakeRequest{Request: id, Over: true})
	case pages.DoTakeOff:
		to = pages.PathRequests
		_, err = s.order(r.Context(), who.Officer, op, "",
			provisioning.CloseRequest{Request: id, Note: "no request"})
	default:
		return errBadForm
	}
	if err != nil {
		return err
	}
	s.settled(r)
	s.screens.edit(s.screenOf(r), func(sc *screen) { sc.mail = mailForm{request: id} })
	return redirect(w, r, to)
}

func askOf(r *http.Request) (mailAsk, int, bool) {
	for i, each := range mailAsks {
		if string(each.ask) == r.PathValue("ask") {
			return each, i, true
		}
	}
	return mailAsk{}, 0, false
}

func (s *Server) getRequestForm(w http.ResponseWriter, r *http.Request, _ hands) error {
	if s.requests == nil {
		return errNotFound
	}
	if r.PathValue("ask") == "done" {
		return s.requestDone(w, r)
	}
	q, i, ok := askOf(r)
	if !ok {
		return errNotFound
	}
	sc := s.scenery(r, requestPath(q.ask))
	form := sc.screen.mail
	if i > 0 && form.number == "" {
		return redirect(w, r, pages.PathRequests)
	}
	v := pages.RequestAskView{Frame: sc.frame, Ask: q.ask, Number: form.number, Step: i + 1,
		Steps: len(mailAsks), Pad: pages.Pad{Value: s.typed(r, requestPath(q.ask)), Max: q.longest}}
	v.Frame.Back = pages.PathRequests
	if i > 0 {
		v.Frame.Back = requestPath(mailAsks[i-1].ask)
	}
	if q.ask == pages.RequestNumber && v.Pad.Value == "" {
		v.Pad.Value = form.number
	}
	if message, ok := provisioning.Get[provisioning.Request](sc.snap, string(form.request)); ok {
		row := requestRow(sc, message)
		v.Message = &row
	}
	v.Situations = situationsByMail(s.site)
	return s.show(w, r, pages.RequestForm(v))
}

// situationsByMail are those that lead to a short passcode: by mail there is no other.
func situationsByMail(site provisioning.Site) []pages.Choice {
	var list []pages.Choice
	for _, each := range site.Situations {
		if each.Passcode == provisioning.PasscodeShort {
			list = append(list, pages.Choice{Key: each.Key, Selected: len(list) == 0})
		}
	}
	return list
}

func (s *Server) postRequestForm(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	q, _, ok := askOf(r)
	if err != nil || !ok || s.requests == nil {
		return errBadForm
	}
	answer, done := s.field(r, "answer", q.longest)
	if !done {
		return redirect(w, r, requestPath(q.ask))
	}
	answer = strings.TrimSpace(answer)
	if answer == "" || q.ask == pages.RequestHead && len([]rune(answer)) != q.longest {
		return provisioning.Refuse(CodeAnswerMissing)
	}
	form := s.screens.read(s.screenOf(r)).mail
	switch q.ask {
	case pages.RequestNumber:
		form.number = answer
	case pages.RequestHead:
		form.head = answer
	case pages.RequestWhy:
		if form, err = s.answer(r, who, op, form, answer); err != nil {
			return err
		}
	}
	s.counter.active(s.now())
	s.screens.edit(s.screenOf(r), func(sc *screen) {
		sc.mail, sc.number, sc.numberPath = form, "", ""
	})
	return redirect(w, r, q.next)
}

// answer compares, issues and sends, and takes the message off the queue.
func (s *Server) answer(
	r *http.Request, who hands, op provisioning.OpID, form mailForm, why string,
) (mailForm, error) {
	p, err := s.requests.Answer(r.Context(), provisioning.MailForm{By: who.Officer, Op: op,
		Number: form.number, Head: form.head, Situation: r.PostForm.Get("situation"),
		Justification: why, Request: form.request})
	if err != nil {
		return form, err
	}
	if form.request != "" {
		_, err = s.order(r.Context(), who.Officer, op+"/close", "",
			provisioning.CloseRequest{Request: form.request, Note: "answered"})
	}
	return mailForm{sent: p.ID}, err
}

func (s *Server) requestDone(w http.ResponseWriter, r *http.Request) error {
	sc := s.scenery(r, pages.PathRequestForm+"/done")
	p, ok := provisioning.Get[provisioning.Passcode](sc.snap, string(sc.screen.mail.sent))
	if !ok {
		return redirect(w, r, pages.PathRequests)
	}
	terms, _ := s.site.PasscodesOf(p.Type)
	return s.show(w, r, pages.RequestDone(pages.RequestDoneView{Frame: sc.frame,
		Terms: pageTerms(terms), Until: sc.moment(p.Until)}))
}

func pageTerms(terms provisioning.PasscodeTerms) pages.PasscodeTerms {
	return pages.PasscodeTerms{Kind: string(terms.Type), Hours: terms.Hours, Uses: terms.Uses,
		Count: terms.Codes(), Enrol: terms.For == provisioning.PurposeEnrol}
}
