package kiosk

import (
	"slices"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// waiting says whether the verifier still lacks the newest order of this visit: a lost token that
// waits still works, and the page must not say otherwise.
func waiting(snap provisioning.Snapshot, v provisioning.Visit) bool {
	if v.Position < 0 {
		return false
	}
	for follower := range provisioning.All[provisioning.Verifier](snap) {
		return !follower.Holds(v.Position)
	}
	return true
}

// doneView is the goodbye of any errand.
func doneView(sc scenery, f facts) pages.DoneView {
	v := pages.DoneView{
		Frame: sc.frame, Errand: string(f.visit.Errand), Name: f.person.Name,
		Serial: f.token.Serial, Reference: reference(f.visit), Waiting: waiting(sc.snap, f.visit),
	}
	switch f.visit.Errand {
	case provisioning.ErrandLoan:
		v.Waiting = false // done means that the verifier said so.
		v.Due, v.NoDue = sc.date(f.loan.Due), f.loan.Due.IsZero()
		v.Fee = sc.money(f.loan.Fee.Amount)
		v.AdviseSecond = provisioning.AdviseSecond(sc.snap, sc.site, f.person)
		v.HasSlip, v.Slip, v.SlipPath = true, slipOf(sc, f), slipPath(f)
	case provisioning.ErrandReturn:
		v.ByHand = f.token.State == provisioning.TokenDamaged
		if p, ok := plugOf(sc.plugs, f.visit.Token); ok {
			v.Others = slices.Clone(p.Info.Others)
		}
	case provisioning.ErrandLost:
		v.Suspended = f.loan.State == provisioning.LoanSuspended
		if f.loan.Fee.State == provisioning.FeeDue {
			v.Fee = sc.money(f.loan.Fee.Amount)
		}
	case provisioning.ErrandFee:
		v.Waiting = false
		v.Fee, v.FeeState = sc.money(f.visit.Fee.Amount), string(f.visit.Fee.State)
	}
	return v
}

// slipOf is the paper for the person, in their language: no name, no secret.
func slipOf(sc scenery, f facts) pages.Slip {
	sc.frame.Lang = slipLang(sc, f.person)
	at := f.loan.At
	if at.IsZero() {
		at = f.visit.At
	}
	return pages.Slip{
		Lang: sc.frame.Lang, Site: sc.site.Name, Desk: sc.site.Desk, Serial: f.token.Serial,
		Reference: reference(f.visit), Due: sc.date(f.loan.Due),
		At: sc.moment(at), Fee: sc.money(sc.site.Fee), Hours: hours(sc.site),
		Waiting: f.visit.State == provisioning.VisitParked,
	}
}

// parkedPage says that the counter is free while the verifier is awaited.
func parkedPage(sc scenery, f facts) pages.ParkedView {
	return pages.ParkedView{
		Frame: sc.frame, Serial: f.token.Serial, Reference: reference(f.visit),
		Name: f.person.Name, Since: since(sc, f.credential.Since), Slip: slipOf(sc, f),
		SlipPath: slipPath(f),
	}
}

func slipPath(f facts) string { return visitPath(f.visit.ID) + "/" + subSlip }

// hasSlip says whether there is a token on its way to somebody.
func hasSlip(f facts) bool {
	lent := f.visit.Step == provisioning.StepDone && f.visit.Errand == provisioning.ErrandLoan
	return lent || f.visit.State == provisioning.VisitParked
}

func slipView(sc scenery, f facts) pages.SlipView {
	v := pages.SlipView{Frame: sc.frame, Slip: slipOf(sc, f)}
	v.Frame.Back = visitPath(f.visit.ID)
	return v
}

// troubleView is a visit that cannot go on as it was: what happened, what was and was not done, and
// what to do now.
func troubleView(sc scenery, f facts) pages.ProblemView {
	card := personCard(sc, f)
	v := pages.ProblemView{
		Frame: sc.frame, Card: &card, Reference: reference(f.visit),
		Problem: sc.problem(f.visit.Problem, f.visit.Params), Acts: troubleActs(f.visit),
	}
	if serial := provisioning.SerialOf(f.visit.Token); serial != "" {
		v.Facts = []pages.Chip{{Text: serial, ID: true}}
	}
	return v
}

// troubleActs are the ways out of a problem. A token that cannot be trusted may always be set
// aside: then another one is asked for.
func troubleActs(v provisioning.Visit) []pages.Act {
	if v.Errand == provisioning.ErrandPasscode {
		return []pages.Act{{Do: pages.DoAnew, Main: true}, {Do: pages.DoBack}, {Do: pages.DoEnd}}
	}
	acts := []pages.Act{{Do: pages.DoAgain, Main: true}}
	if v.Errand == provisioning.ErrandLoan {
		acts = append(acts, pages.Act{Do: pages.DoAside})
	}
	return append(acts, pages.Act{Do: pages.DoBack}, pages.Act{Do: pages.DoEnd})
}
