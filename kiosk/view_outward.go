package kiosk

import (
	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// outwardView is what the person may see of their visit on the display that faces them. Whoever
// waits behind them sees it, too: so no number, no document, no fee and no serial is on it.
func outwardView(sc scenery) pages.OutwardView {
	v := pages.OutwardView{Frame: sc.frame, State: pages.OutwardIdle, Site: sc.site.Name,
		Hours: hours(sc.site)}
	visit, person := sc.served()
	if visit.ID == "" {
		return v
	}
	v.Hours = nil
	if named(visit) {
		v.Name, v.Native, v.NativeLang = person.Name, person.Native, person.NativeLang
	}
	f := factsOf(sc.snap, visit)
	switch v.State = outwardState(visit); v.State {
	case pages.OutwardTouch:
		v.Stage = outwardStage(sc, f)
	case pages.OutwardLook:
		v.Doing = "look"
		if visit.Errand == provisioning.ErrandPasscode {
			v.Doing = "reveal"
		}
	case pages.OutwardDone:
		v.Doing = "done_" + outwardDone(sc, f)
		v.Token = visit.Errand == provisioning.ErrandLoan
		v.Second = visit.Errand != provisioning.ErrandFee &&
			provisioning.AdviseSecond(sc.snap, sc.site, person)
	default:
		v.Doing = outwardDoing(visit)
	}
	return v
}

// named says whether somebody has looked at the person and their document: a name belongs to nobody
// before that, as at a return, which is opened by the token.
func named(v provisioning.Visit) bool {
	return v.Evidence != "" && v.Step != provisioning.StepIdentify &&
		v.Step != provisioning.StepMismatch
}

func outwardState(v provisioning.Visit) pages.OutwardState {
	switch {
	case v.Step == provisioning.StepDone:
		return pages.OutwardDone
	case v.Turned, v.Step == provisioning.StepReveal:
		return pages.OutwardLook
	case v.Step == provisioning.StepWrite, v.Step == provisioning.StepVerify:
		return pages.OutwardTouch
	}
	return pages.OutwardServed
}

// outwardStage is how far the officer's page says the write is.
func outwardStage(sc scenery, f facts) pages.WriteStage {
	sc.health.VerifierUp = true // that it is away is the officer's to say.
	return writeView(sc, f).Stage
}

// outwardDoing says in one word what the officer does now. Whom they doubt is not among them.
func outwardDoing(v provisioning.Visit) string {
	switch v.Step {
	case provisioning.StepIdentify, provisioning.StepMismatch:
		return "check"
	case provisioning.StepChoose:
		return "choose"
	case provisioning.StepPlug:
		return "loan"
	case provisioning.StepCheck:
		if v.AgreedAt.IsZero() {
			return "terms"
		}
		return "agreed"
	case provisioning.StepReturn:
		if v.Progress == provisioning.ProgressWiping {
			return "wiping"
		}
		return "return"
	case provisioning.StepLost:
		if v.Errand == provisioning.ErrandReinstate {
			return "reinstate"
		}
		return "lost"
	case provisioning.StepSituation:
		return "passcode"
	case provisioning.StepSecond:
		return "second_officer"
	case provisioning.StepProblem:
		return "problem"
	}
	return "served"
}

// outwardDone names the goodbye. What the sign-in service has not heard of yet is not said
// to be so.
func outwardDone(sc scenery, f facts) string {
	name := string(f.visit.Errand)
	switch f.visit.Errand {
	case provisioning.ErrandLoan, provisioning.ErrandReturn, provisioning.ErrandFee:
		return name
	case provisioning.ErrandPasscode:
		if f.visit.PasscodeEnd == "" {
			return "noted"
		}
	case provisioning.ErrandLost:
		if f.loan.State == provisioning.LoanSuspended && !waiting(sc.snap, f.visit) {
			return "suspended"
		}
	}
	if waiting(sc.snap, f.visit) {
		name += "_waiting"
	}
	return name
}
