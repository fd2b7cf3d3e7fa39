package kiosk

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// act is one press of a button in a visit.
type act struct {
	s   *Server
	r   *http.Request
	who hands
	op  provisioning.OpID
	id  provisioning.VisitID
	// visit is zero when it is over: then only the rules can tell what the op did before.
	visit provisioning.Visit
}

// do gives one order. A press that takes two gives the first a name of its own under the same op,
// so that posting it again repeats neither.
func (a act) do(command provisioning.Command) error { return a.first("", command) }

func (a act) first(name string, command provisioning.Command) error {
	op := a.op
	if name != "" {
		op += provisioning.OpID("/" + name)
	}
	_, err := a.s.order(a.r.Context(), a.who.Officer, op, a.id, command)
	return err
}

func (a act) value(name string) string { return a.r.PostForm.Get(name) }

func (a act) here() string { return visitPath(a.id) }

// sub is the address of a page under the visit's.
func (a act) sub(name string) string { return a.here() + "/" + name }

// carryOut turns a button into orders, and returns where to go when they went through.
func (a act) carryOut(w http.ResponseWriter, do string) (string, error) {
	do, reason, _ := strings.Cut(do, pages.DoFor)
	switch do {
	case pages.DoReinstate:
		if a.visit.Step == provisioning.StepLost {
			return a.here(), a.do(provisioning.Reinstate{Loan: a.loan().ID})
		}
		return a.errand(do, "")
	case pages.DoLoan, pages.DoReturn, pages.DoLost, pages.DoVoid, pages.DoDetail, pages.DoFee,
		pages.DoElsewhere:
		return a.errand(do, reason)
	case pages.DoPasscode, pages.DoPasscodes:
		return a.errand(do, "")
	case pages.DoIssue, pages.DoSecond, pages.DoJustify, pages.DoAnew, pages.DoRevoke,
		pages.DoApprove:
		return a.passcode(do, reason)
	case pages.DoAsk:
		return a.here(), a.do(a.asked(reason))
	case pages.DoEnd, pages.DoRecord, pages.DoFinish:
		return a.end()
	case pages.DoPrint:
		return a.print()
	case pages.DoTurn:
		return a.turn()
	case pages.DoWrite:
		return a.write()
	case pages.DoByHand:
		return a.sub(subHand), nil
	}
	command, ok := a.simple(do)
	if !ok {
		return "", errBadForm
	}
	return a.here(), a.do(command)
}

// simple are the buttons that are one order each.
func (a act) simple(do string) (provisioning.Command, bool) {
	switch do {
	case pages.DoMismatch:
		return provisioning.Doubt{}, true
	case pages.DoPark:
		return provisioning.Park{}, true
	case pages.DoAgain, pages.DoAnother:
		return provisioning.Again{}, true
	case pages.DoAside:
		return provisioning.SetAside{Note: string(a.visit.Problem)}, true
	case pages.DoWipe:
		return provisioning.TakeBack{Loan: a.loan().ID}, true
	case pages.DoReport:
		return provisioning.ReportLost{Loan: a.loan().ID, Note: a.value("note")}, true
	case pages.DoBack:
		return provisioning.Back{}, true
	default:
		return nil, false
	}
}

func (a act) loan() provisioning.Loan {
	return factsOf(a.s.visits.Snapshot(), a.visit).loan
}

// asked is the officer's answer that a reason tile gives.
func (a act) asked(reason string) provisioning.Ask {
	return provisioning.Ask{Reason: reason, PhoneSeen: saysPhone(a.s.site, reason)}
}

// errand confirms who stands there, if that is still open, and goes to the errand of a tile. A
// token is taken back, and a loss is taken down, from somebody without any card too: a loss then
// suspends.
func (a act) errand(do, reason string) (string, error) {
	if a.visit.Step == provisioning.StepIdentify {
		evidence := provisioning.Evidence(a.value("evidence"))
		match := a.value("match") == "yes"
		switch {
		case match && evidence == provisioning.EvidenceSupervisor:
			then := url.Values{"then": {do}, "for": {reason}}
			return a.sub(subVouch) + "?" + then.Encode(), nil
		case match:
			if err := a.first("confirm", provisioning.Confirm{Evidence: evidence}); err != nil {
				return "", err
			}
		case !unseen(do) || a.value("match") == "no":
			return "", provisioning.Refuse(CodeMatchMissing)
		}
	}
	return a.chosen(do, reason)
}

// unseen are the errands of somebody without any card.
func unseen(do string) bool {
	return do == pages.DoLost || do == pages.DoReturn || do == pages.DoElsewhere
}

// chosen goes to the errand of a tile once identity is checked. A loan's tile gives its reason,
// too.
func (a act) chosen(do, reason string) (string, error) {
	switch do {
	case pages.DoVoid, pages.DoFee:
		return a.sub(do), nil
	case pages.DoDetail:
		return a.sub(subLoan), nil
	case pages.DoElsewhere:
		return tokenPath(a.visit.Elsewhere), nil
	case pages.DoPasscodes:
		return a.sub(subPasscodes), nil
	case "":
		return a.here(), nil
	}
	choose := provisioning.Choose{Errand: provisioning.Errand(do)}
	if reason == "" {
		return a.here(), a.do(choose)
	}
	if err := a.first("choose", choose); err != nil {
		return "", err
	}
	return a.here(), a.do(a.asked(reason))
}

// end ends the visit. A parked one stays parked: only its page is left.
func (a act) end() (string, error) {
	if a.visit.State == provisioning.VisitParked {
		return readyPath, nil
	}
	return readyPath, a.do(provisioning.End{})
}

// turn hands the screen to the person: this session's id goes, and with it every officer's page.
func (a act) turn() (string, error) {
	if err := a.pickSlot(); err != nil {
		return "", err
	}
	if err := a.do(provisioning.Turn{Away: true}); err != nil {
		return "", err
	}
	return a.facing()
}

// facing gives the screen to the person of a visit that is turned. One that is not, because its
// officer has it back already, stays theirs.
func (a act) facing() (string, error) {
	v, _ := provisioning.Get[provisioning.Visit](a.s.visits.Snapshot(), string(a.id))
	if !v.Turned {
		return a.here(), nil
	}
	a.s.screens.forget(a.s.screenOf(a.r))
	id, err := a.s.handOver(a.r)
	if err != nil {
		return "", err
	}
	a.s.counter.take(hands{Facing: id, Officer: a.who.Officer, Visit: a.id})
	return personPath, nil
}

func (a act) write() (string, error) {
	if err := a.pickSlot(); err != nil {
		return "", err
	}
	return a.here(), a.do(provisioning.Write{Overwrite: a.value("overwrite") == "yes"})
}

// pickSlot chooses another slot when the page offered one and it was taken.
func (a act) pickSlot() error {
	slot, err := strconv.Atoi(a.value("slot"))
	if err != nil || slot == a.visit.Slot || a.visit.ID == "" {
		return nil
	}
	return a.first("slot", provisioning.Pick{Slot: slot})
}
