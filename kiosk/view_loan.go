package kiosk

import (
	"slices"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// maxText is the longest reason, note or reference that is typed at the screen.
const maxText = 80

// returnView takes a token back: wipe it, or type the serial of one that cannot be plugged in.
func returnView(sc scenery, f facts, byHand bool) pages.ReturnView {
	v := pages.ReturnView{Frame: sc.frame, Card: personCard(sc, f),
		Serial: provisioning.SerialOf(f.loan.Token), Stage: "ready"}
	switch {
	case byHand:
		v.Stage, v.Pad = "hand", pages.Pad{Value: sc.screen.number, Max: maxNumber}
		v.Frame.Back = visitPath(f.visit.ID)
	case f.visit.Progress == provisioning.ProgressWiping:
		v.Stage, v.Serial = "wiping", f.token.Serial
		v.Frame.Idle = pages.Idle{}
	default:
		v.Frame.StepBack = true
	}
	if p, ok := plugOf(sc.plugs, f.loan.Token); ok {
		v.Others = slices.Clone(p.Info.Others)
	}
	return v
}

// returnReady says whether the one plugged token that can be used is the one on loan.
func returnReady(sc scenery, f facts) bool {
	plugs := inPlay(sc.plugs)
	_, ok := plugOf(plugs, f.loan.Token)
	return ok && len(plugs) == 1
}

func lostView(sc scenery, f facts) pages.LostView {
	rule, _ := sc.site.Permits(f.visit.Evidence)
	v := pages.LostView{
		Frame: sc.frame, Card: personCard(sc, f), Serial: provisioning.SerialOf(f.loan.Token),
		Since: sc.date(f.loan.At), Fee: sc.money(f.loan.Fee.Amount),
		Suspend: !rule.Lost, VerifierDown: !sc.health.VerifierUp,
	}
	v.Frame.StepBack = true
	return v
}

func voidView(sc scenery, f facts) pages.VoidView {
	v := pages.VoidView{Frame: sc.frame, Card: personCard(sc, f),
		Serial: provisioning.SerialOf(f.loan.Token), At: since(sc, f.loan.At)}
	for _, key := range voidReasons() {
		v.Reasons = append(v.Reasons, pages.Choice{Key: key})
	}
	v.Frame.Back = visitPath(f.visit.ID)
	return v
}

// voidReasons are why a hand-over is undone, as catalogue keys.
func voidReasons() []string { return []string{"wrong_person", "wrong_token", "changed_mind"} }

func reinstateView(sc scenery, f facts) pages.ReinstateView {
	v := pages.ReinstateView{Frame: sc.frame, Card: personCard(sc, f),
		Serial: provisioning.SerialOf(f.loan.Token), Since: since(sc, f.credential.Since)}
	v.Frame.StepBack = true
	return v
}

// feeView settles the fee of one loan.
func feeView(sc scenery, f facts, loan provisioning.Loan, mode string) pages.FeeView {
	v := pages.FeeView{
		Frame: sc.frame, Card: personCard(sc, f), Serial: provisioning.SerialOf(loan.Token),
		Amount: sc.money(loan.Fee.Amount), State: string(loan.Fee.State),
		Reference: loan.Fee.Reference, Modes: feeModes(loan.Fee.State),
		Pad: pages.Pad{Value: sc.screen.number, Max: maxText},
	}
	if slices.Contains(v.Modes, mode) {
		v.Mode = mode
	}
	v.Frame.Back = visitPath(f.visit.ID)
	if v.Mode != "" {
		v.Frame.Back = sc.frame.Here
	}
	return v
}

// feeModes are where a fee may go from here.
func feeModes(state provisioning.FeeState) []string {
	switch state {
	case provisioning.FeeDue:
		return []string{pages.DoPaid, pages.DoWaive}
	case provisioning.FeePaid:
		return []string{pages.DoReverse}
	default:
		return nil
	}
}

// feeTarget is the state each mode asks for.
func feeTarget(do string) provisioning.FeeState {
	switch do {
	case pages.DoPaid:
		return provisioning.FeePaid
	case pages.DoWaive:
		return provisioning.FeeWaived
	default:
		return provisioning.FeeReversed
	}
}

// detailView is one loan in full.
func detailView(sc scenery, f facts) pages.DetailView {
	l := f.loan
	v := pages.DetailView{
		Frame: sc.frame, Card: personCard(sc, f), Serial: provisioning.SerialOf(l.Token),
		Model: f.token.Model, Firmware: f.token.Firmware, Slot: f.credential.Slot,
		State: string(l.State), Credential: string(f.credential.State), Reason: l.Reason,
		Evidence: string(l.Evidence), PhoneSeen: l.PhoneSeen, Terms: l.Terms,
		At: sc.moment(l.At), Due: sc.date(l.Due),
		NoDue: l.Due.IsZero(), Officer: officerName(sc.snap, l.Officer),
		Fee: sc.money(l.Fee.Amount), FeeState: string(l.Fee.State), FeeReference: l.Fee.Reference,
	}
	v.Frame.Back = visitPath(f.visit.ID)
	return v
}
