package kiosk

import (
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Tokens that other desks of the site lent, and the tasks that the verifier's refusals leave.

// actsThere are the buttons about another desk's token.
var actsThere = map[string]feed.OrderAct{
	pages.DoSuspendThere: feed.OrderSuspend,
	pages.DoLostThere:    feed.OrderRevoke,
	pages.DoReturnThere:  feed.OrderReturn,
}

// elsewhere is the page of a token that is another desk's affair: lent there, or reported lost here
// and in nobody's inventory but theirs.
func (s *Server) elsewhere(r *http.Request) (pages.ElsewhereView, bool) {
	id := provisioning.TokenID(r.PathValue("vendor") + "/" + r.PathValue("serial"))
	sc := s.scenery(r, tokenPath(id))
	t, lent := provisioning.LentElsewhere(sc.snap, id)
	order, ordered := provisioning.LastOrder(sc.snap, id)
	_, ours := provisioning.Get[provisioning.Token](sc.snap, string(id))
	if !lent && (!ordered || ours) {
		return pages.ElsewhereView{}, false
	}
	return elsewhereView(sc, id, t, lent, order), true
}

func elsewhereView(
	sc scenery, id provisioning.TokenID, t provisioning.SiteToken, lent bool,
	order provisioning.SiteOrder,
) pages.ElsewhereView {
	v := pages.ElsewhereView{Frame: sc.frame, Serial: provisioning.SerialOf(id),
		Desk: string(t.Desk), Last: reportOf(sc, t.Last)}
	v.Frame.Back, v.Frame.Live = pages.PathHome, sc.frame.Here+"/live?at=elsewhere"
	if visit, open := current(sc.snap, sc.hands); open {
		v.Frame.Back = visitPath(visit.ID)
	}
	waiting := order.ID != "" && order.Answered.IsZero()
	switch {
	case waiting:
		v.Stage, v.VerifierDown = pages.ElsewhereWaiting, !sc.health.VerifierUp
	case !lent:
		v.Stage, v.Desk = pages.ElsewhereOver, string(order.Desk)
	case t.State == provisioning.SiteSuspended:
		v.Stage = pages.ElsewhereSuspended
	default:
		v.Stage = pages.ElsewhereLent
	}
	if waiting || !lent {
		v.Last = &pages.Report{Act: string(order.Act), Desk: sc.desk,
			Officer: officerName(sc.snap, order.Officer), At: since(sc, order.At)}
	}
	return v
}

// elsewhereTile leads to the page of the token a person has from another desk.
func elsewhereTile(t provisioning.SiteToken) pages.Tile {
	return pages.Tile{Do: pages.DoElsewhere,
		Detail: provisioning.SerialOf(t.ID) + " · " + string(t.Desk)}
}

// elsewhereScene follows a token until it is this desk's own affair.
func (s *Server) elsewhereScene(
	r *http.Request, who hands, v pages.ElsewhereView, there bool,
) scene {
	if s.counter.now().Owner != who.Owner {
		return scene{location: pages.PathHome}
	}
	if !there || r.URL.Query().Get("at") == "" {
		return scene{location: r.URL.Path[:len(r.URL.Path)-len("/live")]}
	}
	return scene{fragment: pages.ElsewhereLive(v)}
}

// orderThere publishes an order about another desk's token.
func (s *Server) orderThere(
	w http.ResponseWriter, r *http.Request, who hands, op provisioning.OpID, act feed.OrderAct,
) error {
	id := provisioning.TokenID(r.PathValue("vendor") + "/" + r.PathValue("serial"))
	_, err := s.order(r.Context(), who.Officer, op, "",
		provisioning.OrderElsewhere{Token: id, Act: act})
	if err != nil {
		return err
	}
	s.settled(r)
	return redirect(w, r, tokenPath(id))
}

// reportOf is what another desk ordered, in the page's words; nil when none did.
func reportOf(sc scenery, e provisioning.Elsewhere) *pages.Report {
	if e.Order == "" {
		return nil
	}
	return &pages.Report{Act: string(e.Act), Desk: string(e.Desk), Officer: e.Officer,
		At: since(sc, e.At)}
}

// loanReport is what another desk ordered about the token of a loan.
func loanReport(sc scenery, loan provisioning.Loan) *pages.Report {
	t, _ := provisioning.Get[provisioning.Token](sc.snap, string(loan.Token))
	return reportOf(sc, t.Elsewhere)
}

func (s *Server) getTasks(w http.ResponseWriter, r *http.Request, _ hands) error {
	return s.show(w, r, pages.Tasks(tasksView(s.scenery(r, pages.PathTasks))))
}

func tasksView(sc scenery) pages.TasksView {
	v := pages.TasksView{Frame: sc.frame}
	v.Frame.Back = pages.PathHome
	for _, t := range provisioning.Tasks(sc.snap) {
		v.Rows = append(v.Rows, taskRow(sc, t))
	}
	return v
}

func taskRow(sc scenery, t provisioning.Task) pages.TaskRow {
	row := pages.TaskRow{ID: string(t.ID), Serial: provisioning.SerialOf(t.Token),
		Name: nameOf(sc.snap, t.Person), Since: since(sc, t.At)}
	if t.Officer != "" {
		row.Officer = officerName(sc.snap, t.Officer)
	}
	if own, known := provisioning.Get[provisioning.Token](sc.snap, string(t.Token)); known &&
		own.State == provisioning.TokenDoubtful {
		row.Path = tokenPath(t.Token)
	}
	row.Why = sc.problem(t.Why, params("name", row.Name, "desk", string(t.Elsewhere),
		"serial", row.Serial))
	return row
}

// params leaves out what is empty, so that its part of the sentence is, too.
func params(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out[pairs[i]] = pairs[i+1]
		}
	}
	return out
}

// postTasks takes an officer's word that a task was seen to.
func (s *Server) postTasks(w http.ResponseWriter, r *http.Request, who hands) error {
	op, err := opOf(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get("do") != pages.DoTaskDone {
		return errBadForm
	}
	_, err = s.order(r.Context(), who.Officer, op, "",
		provisioning.FinishTask{Task: provisioning.TaskID(r.PostForm.Get("task"))})
	if err != nil {
		return err
	}
	s.settled(r)
	return redirect(w, r, pages.PathTasks)
}
