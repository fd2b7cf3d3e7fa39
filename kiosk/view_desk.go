package kiosk

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// lockedView is the locked desk. It tells a stranger names of officers, and of nobody else.
func lockedView(sc scenery) pages.LockedView {
	held := 0
	for range provisioning.Find[provisioning.Visit](
		sc.snap, provisioning.ByState, string(provisioning.VisitHeld)) {
		held++
	}
	picks := officerPicks(sc, func(provisioning.Officer) bool { return true })
	sc.frame.Officer, sc.frame.Idle = "", pages.Idle{}
	return pages.LockedView{
		Frame: sc.frame, Site: sc.site.Name, Desk: sc.desk, Clock: sc.clock(sc.now),
		Officers: picks, Pad: pinPad(sc), Held: held, Hours: hours(sc.site), First: len(picks) == 0,
	}
}

// officerPicks lists the officers a PIN page offers, by name.
func officerPicks(sc scenery, fit func(provisioning.Officer) bool) []pages.OfficerPick {
	var picks []pages.OfficerPick
	plugged := pluggedKey(sc.snap, sc.plugs)
	for o := range provisioning.All[provisioning.Officer](sc.snap) {
		if o.Disabled || !fit(o) {
			continue
		}
		pick := pages.OfficerPick{ID: string(o.ID), Name: o.Name,
			Selected: o.ID == sc.screen.officer}
		if sc.now.Before(o.LockedUntil) {
			pick.Until = sc.clock(o.LockedUntil)
		}
		pick.LockedOut = o.LockedOut()
		if sc.hands.Owner == "" && string(o.ID) == plugged {
			pick.Plugged, pick.Selected = true, sc.screen.officer == "" || pick.Selected
		}
		picks = append(picks, pick)
	}
	slices.SortStableFunc(picks, func(a, b pages.OfficerPick) int {
		return cmp.Compare(a.Name, b.Name)
	})
	if len(picks) == 1 {
		picks[0].Selected = true
	}
	return picks
}

// pinPad shows how many keys were pressed, never which.
func pinPad(sc scenery) pages.Pad {
	return pages.Pad{Pressed: sc.screen.digits.Len(), Max: maxPIN}
}

// maxNumber is longer than any card or person number of either university.
const maxNumber = 24

func numberView(sc scenery, letters bool) pages.NumberView {
	v := pages.NumberView{Frame: sc.frame, Letters: letters, Toggle: pages.PathNumber + "?letters=1",
		Pad: pages.Pad{Value: sc.screen.number, Max: maxNumber}}
	if letters {
		v.Toggle = pages.PathNumber
	}
	v.Frame.Back = pages.PathHome
	return v
}

// readyView waits for a card and says how the things the desk depends on are doing.
func readyView(sc scenery) pages.ReadyView {
	if note := sc.hands.Note; note != nil && sc.frame.Alert == nil {
		alert := sc.problem(note.Code, note.Params)
		sc.frame.Alert = &alert
	}
	if no := sc.health.Standing; no != nil && sc.frame.Alert == nil {
		alert := sc.problem(no.Code, nil)
		sc.frame.Alert = &alert
	}
	v := pages.ReadyView{
		Frame: sc.frame, VerifierDown: !sc.health.VerifierUp, Behind: sc.health.Behind,
		VerifierSince: since(sc, sc.health.VerifierSeen), DirectoryDown: !sc.health.DirectoryUp,
		ClockUnset: !sc.health.ClockSynced, Tokens: sc.health.TokensInDrawer, Plug: plugOffer(sc),
		BackupFailed: sc.health.BackupTrouble, Stopped: sc.health.Standing != nil,
	}
	for _, held := range visitsIn(sc.snap, provisioning.VisitHeld) {
		if held.Officer == sc.officer.ID {
			v.Held++
		}
	}
	for _, parked := range visitsIn(sc.snap, provisioning.VisitParked) {
		v.Parked++
		if parkedState(sc.snap, parked) == parkedReady {
			v.ParkedReady++
		}
	}
	v.Requests, v.Waiting = sc.site.MailRequests && sc.mails, len(provisioning.Requests(sc.snap))
	if sc.officer.Supervisor {
		v.LockedOut = len(lockedOutView(sc).Rows)
	}
	v.Endings = endingViews(sc)
	v.Tasks = len(provisioning.Tasks(sc.snap))
	v.Doubtful = len(provisioning.Doubtful(sc.snap))
	v.Unfinished = unfinished(sc.snap)
	return v
}

// since is a time of day today, and a date with it on any other day.
func since(sc scenery, t time.Time) string {
	if sc.date(t) == sc.date(sc.now) {
		return sc.clock(t)
	}
	return sc.moment(t)
}

// plugOffer is a plugged token that somebody has on loan: one tap opens its visit.
func plugOffer(sc scenery) *pages.PlugOffer {
	for _, p := range sc.plugs {
		if p.Info == nil {
			continue
		}
		if holder, ok := provisioning.KeyHolder(sc.snap, p.Info.ID()); ok && holder == sc.officer.ID {
			continue // the officer came with it, and is not about to return it.
		}
		if _, ok := openLoanOf(sc.snap, p.Info.ID()); ok {
			return &pages.PlugOffer{ID: p.ID, Serial: p.Info.Serial, Name: p.Name}
		}
		if t, ok := provisioning.LentElsewhere(sc.snap, p.Info.ID()); ok {
			return &pages.PlugOffer{ID: p.ID, Serial: p.Info.Serial, Name: p.Name,
				Desk: string(t.Desk), Path: tokenPath(t.ID)}
		}
	}
	return nil
}

func heldView(sc scenery) pages.HeldView {
	v := pages.HeldView{Frame: sc.frame}
	v.Frame.Back = pages.PathHome
	for _, held := range visitsIn(sc.snap, provisioning.VisitHeld) {
		row := pages.HeldRow{Visit: string(held.ID), Name: nameOf(sc.snap, held.Person),
			Errand: string(held.Errand), Step: string(held.Step),
			Until: sc.clock(held.Deadline)}
		if held.Officer != sc.officer.ID {
			row.Officer = officerName(sc.snap, held.Officer)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// The states of a parked visit.
const (
	parkedWaiting  = "waiting"
	parkedReady    = "ready"
	parkedRejected = "rejected"
)

func parkedState(snap provisioning.Snapshot, v provisioning.Visit) string {
	if v.Step == provisioning.StepProblem {
		return parkedRejected
	}
	c, ok := provisioning.Get[provisioning.Credential](snap, string(v.Credential))
	switch {
	case ok && c.State == provisioning.CredentialActive:
		return parkedReady
	case ok && c.State == provisioning.CredentialProven:
		return parkedWaiting
	default:
		return parkedRejected
	}
}

func parkedView(sc scenery) pages.ParkedListView {
	v := pages.ParkedListView{Frame: sc.frame}
	v.Frame.Back = pages.PathHome
	for _, parked := range visitsIn(sc.snap, provisioning.VisitParked) {
		v.Rows = append(v.Rows, pages.ParkedRow{
			Visit: string(parked.ID), Name: nameOf(sc.snap, parked.Person),
			Serial: provisioning.SerialOf(parked.Token), Reference: reference(parked),
			Since: since(sc, parked.At), State: parkedState(sc.snap, parked),
		})
	}
	return v
}

func visitsIn(snap provisioning.Snapshot, state provisioning.VisitState) []provisioning.Visit {
	list := slices.Collect(
		provisioning.Find[provisioning.Visit](snap, provisioning.ByState, string(state)))
	slices.SortStableFunc(list, func(a, b provisioning.Visit) int { return a.At.Compare(b.At) })
	return list
}

func nameOf(snap provisioning.Snapshot, id provisioning.PersonID) string {
	p, _ := provisioning.Get[provisioning.Person](snap, string(id))
	return p.Name
}

func officerName(snap provisioning.Snapshot, id provisioning.OfficerID) string {
	o, ok := provisioning.Get[provisioning.Officer](snap, string(id))
	if !ok {
		return string(id)
	}
	return o.Name
}
