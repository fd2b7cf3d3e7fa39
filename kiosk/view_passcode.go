package kiosk

import (
	"slices"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// passcodePage is the officer's page of a passcode, where the visit is at one.
func passcodePage(sc scenery, f facts) (visitPage, bool) {
	switch {
	case f.visit.Step == provisioning.StepSituation:
		return visitPage{key: "passcode.why", page: pages.Situation(situationView(sc, f))}, true
	case f.visit.Step == provisioning.StepSecond:
		return visitPage{key: "passcode.second", page: pages.Second(secondView(sc, f))}, true
	case f.visit.Step == provisioning.StepReveal,
		f.visit.Step == provisioning.StepDone && f.visit.Errand == provisioning.ErrandPasscode:
		v := issuedView(sc, f)
		key := "passcode." + string(v.State)
		v.Frame.Live = liveOf(sc, key)
		return visitPage{key: key, page: pages.Issued(v), live: pages.IssuedLive(v)}, true
	}
	return visitPage{}, false
}

// passcodeTiles adds the tiles around passcodes, where the site issues any. To somebody with a device
// that is not at hand a passcode is likelier than a loan.
func passcodeTiles(sc scenery, f facts, list []pages.Tile) []pages.Tile {
	if len(sc.site.Situations) == 0 {
		return list
	}
	tile := pages.Tile{Do: pages.DoPasscode, Closed: passcodeClosed(sc, f)}
	if f.person.Devices > 0 && !f.lent() {
		list = slices.Insert(list, 0, tile)
	} else {
		list = append(list, tile)
	}
	if listed(sc, f) && len(list) < maxTiles {
		list = append(list, pages.Tile{Do: pages.DoPasscodes})
	}
	return list
}

// maxTiles fit on the screen; what is open is behind the tile of a passcode, too.
const maxTiles = 6

// listed says whether there is something to do about passcodes besides issuing one.
func listed(sc scenery, f facts) bool {
	_, recovery := sc.site.PasscodesOf(provisioning.PasscodeRecovery)
	return recovery || len(provisioning.LivePasscodes(sc.snap, f.visit.Person)) > 0
}

// passcodeClosed says why no passcode can be issued now, or nothing.
func passcodeClosed(sc scenery, f facts) string {
	rule, _ := sc.site.Permits(f.visit.Evidence)
	switch closed := loanClosed(sc, f.person); {
	case closed != "":
		return closed
	case !sc.health.VerifierUp:
		return sc.problem(provisioning.CodeVerifierAway, nil).Happened
	case f.visit.Evidence != "" && !rule.Passcode:
		return sc.problem(provisioning.CodeEvidenceNotEnough, nil).Happened
	}
	return ""
}

// termsOf are the terms of a site as a page shows them.
func termsOf(t provisioning.PasscodeTerms) pages.PasscodeTerms {
	return pages.PasscodeTerms{Kind: string(t.Type), Hours: t.Hours, Uses: t.Uses, Count: t.Codes(),
		Enrol: t.For == provisioning.PurposeEnrol}
}

// termsAt are those a passcode was issued on.
func termsAt(p provisioning.Passcode) pages.PasscodeTerms {
	return pages.PasscodeTerms{Kind: string(p.Type), Hours: int(p.Until.Sub(p.At).Hours()),
		Uses: p.Uses, Count: p.Count, Enrol: p.Enrol}
}

// passcodeOf is the passcode this visit is about; it is zero once that has ended.
func passcodeOf(sc scenery, f facts) provisioning.Passcode {
	p, _ := provisioning.Get[provisioning.Passcode](sc.snap, string(f.visit.Passcode))
	return p
}

func situationView(sc scenery, f facts) pages.SituationView {
	v := pages.SituationView{Frame: sc.frame, Card: personCard(sc, f)}
	v.Frame.StepBack = true
	open := provisioning.LivePasscodes(sc.snap, f.visit.Person)
	for i, each := range sc.site.Situations {
		_, terms, _ := sc.site.PasscodeFor(each.Key)
		v.Tiles = append(v.Tiles, pages.SituationTile{Key: each.Key, Terms: termsOf(terms),
			Second: terms.SecondOfficer, Justify: each.Justify, First: i == 0,
			Replaces: slices.ContainsFunc(open, func(p provisioning.Passcode) bool {
				return p.Type == terms.Type
			})})
	}
	if len(open) > 0 {
		v.Codes = visitPath(f.visit.ID) + "/" + subPasscodes
	}
	return v
}

// justifyView asks why, in words. ok is false when the visit has moved on, or nothing is asked.
func justifyView(sc scenery, f facts, why string) (v pages.JustifyView, ok bool) {
	_, terms, known := sc.site.PasscodeFor(why)
	if !known || f.visit.Step != provisioning.StepSituation {
		return v, false
	}
	v = pages.JustifyView{Frame: sc.frame, Situation: why, Terms: termsOf(terms),
		Second: terms.SecondOfficer, Pad: pages.Pad{Value: sc.screen.number, Max: maxText}}
	v.Frame.Back = visitPath(f.visit.ID)
	return v, true
}

func secondView(sc scenery, f facts) pages.SecondView {
	_, terms, _ := sc.site.PasscodeFor(f.visit.Situation)
	v := pages.SecondView{Frame: sc.frame, Card: personCard(sc, f), Situation: f.visit.Situation,
		Justification: f.visit.Justification, Terms: termsOf(terms),
		Until: sc.moment(sc.now.Add(terms.Life()))}
	v.Frame.StepBack = true
	return v
}

// issuedView is everything about a passcode that an officer may know.
func issuedView(sc scenery, f facts) pages.IssuedView {
	p := passcodeOf(sc, f)
	v := pages.IssuedView{Frame: sc.frame, Name: f.person.Name, Passcode: string(p.ID),
		State: issuedState(sc, f, p)}
	if p.ID != "" {
		v.Situation, v.Terms = p.Situation, termsAt(p)
		v.Until, v.Reference = sc.moment(p.Until), reference(f.visit)
		v.SeenAt = sc.clock(p.Revealed)
		v.Again = v.State == pages.IssuedSeen && f.visit.Step == provisioning.StepReveal &&
			sc.now.Before(p.Keep)
		v.Frame.End = f.visit.Step == provisioning.StepReveal && p.Revealed.IsZero()
	}
	if p.Second != "" {
		v.Second = officerName(sc.snap, p.Second)
	}
	if len(provisioning.LivePasscodes(sc.snap, f.visit.Person)) > 0 {
		v.Codes = visitPath(f.visit.ID) + "/" + subPasscodes
	}
	return v
}

func issuedState(sc scenery, f facts, p provisioning.Passcode) pages.IssuedState {
	switch {
	case f.visit.PasscodeEnd == provisioning.PasscodeRevoked && waiting(sc.snap, f.visit):
		return pages.IssuedRevoking
	case f.visit.PasscodeEnd == provisioning.PasscodeRevoked:
		return pages.IssuedRevoked
	case f.visit.PasscodeEnd != "" || p.ID == "":
		return pages.IssuedEnded
	case p.State == provisioning.PasscodeIssued:
		return pages.IssuedWaiting
	case p.Revealed.IsZero():
		return pages.IssuedReady
	}
	return pages.IssuedSeen
}

// listsPasscodes says whether the visit is where what is open may be looked at.
func listsPasscodes(sc scenery, f facts) bool {
	at := f.visit.Step
	return listed(sc, f) && (at == provisioning.StepChoose || at == provisioning.StepSituation ||
		at == provisioning.StepDone)
}

func passcodesView(sc scenery, f facts) pages.PasscodesView {
	v := pages.PasscodesView{Frame: sc.frame, Card: personCard(sc, f), Down: !sc.health.VerifierUp}
	v.Frame.Back = visitPath(f.visit.ID)
	for _, p := range provisioning.LivePasscodes(sc.snap, f.visit.Person) {
		v.Rows = append(v.Rows, pages.PasscodeRow{ID: string(p.ID), Situation: p.Situation,
			Terms: termsAt(p), Since: sc.moment(p.At), Until: sc.moment(p.Until),
			Waiting: p.State == provisioning.PasscodeIssued})
	}
	if terms, ok := sc.site.PasscodesOf(provisioning.PasscodeRecovery); ok &&
		f.visit.Step != provisioning.StepDone {
		shown := termsOf(terms)
		v.Recovery, v.Closed = &shown, passcodeClosed(sc, f)
	}
	return v
}
