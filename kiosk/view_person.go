package kiosk

import (
	"slices"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// personCard is the left column of a visit.
func personCard(sc scenery, f facts) pages.PersonCard {
	p := f.person
	card := pages.PersonCard{
		Name: p.Name, Native: p.Native, NativeLang: p.NativeLang, Role: p.Role, Unit: p.Unit,
		Number: grouped(string(p.ID)), CardUntil: pages.Date(sc.frame.Lang, p.CardUntil),
		CardExpired: sc.site.CardExpired(p.CardUntil, sc.now),
		Devices:     p.Devices, Advise: sc.site.AdviseDevices,
	}
	for _, code := range provisioning.LivePasscodes(sc.snap, f.visit.Person) {
		card.Passcodes = append(card.Passcodes, string(code.Type))
	}
	if p.Portrait != "" {
		card.Portrait = visitPath(f.visit.ID) + "/portrait"
	}
	if f.lent() {
		card.Loan = &pages.LoanFact{
			Serial: provisioning.SerialOf(f.loan.Token), Due: sc.date(f.loan.Due),
			Late:      !f.loan.Due.IsZero() && f.loan.Due.Before(sc.now),
			Suspended: f.suspended(),
			Unproven:  f.credential.State == provisioning.CredentialProven,
			Reported:  loanReport(sc, f.loan),
		}
	}
	return card
}

// identifyView is the person, the identity check and the choice.
func identifyView(sc scenery, f facts) pages.IdentifyView {
	v := pages.IdentifyView{Frame: sc.frame, Card: personCard(sc, f),
		Checked: f.visit.Step == provisioning.StepChoose, Evidence: string(f.visit.Evidence),
		Tiles: tiles(sc, f)}
	v.Frame.End = true
	if f.visit.Voucher != "" {
		v.Voucher = officerName(sc.snap, f.visit.Voucher)
	}
	for i, rule := range sc.site.Evidence {
		v.Documents = append(v.Documents, pages.Choice{Key: string(rule.Kind), Selected: i == 0})
	}
	return v
}

// tiles are the errands that make sense for this person now, likeliest first. An errand that does
// not apply is absent; one that applies and cannot be done now says why.
func tiles(sc scenery, f facts) []pages.Tile {
	var list []pages.Tile
	add := func(do, closed string) { list = append(list, pages.Tile{Do: do, Closed: closed}) }
	switch {
	case f.suspended():
		add(pages.DoReinstate, "")
		add(pages.DoLost, "")
		add(pages.DoReturn, "")
		add(pages.DoDetail, "")
	case f.lent():
		add(pages.DoReturn, "")
		add(pages.DoLost, "")
		if f.fresh(sc.now) {
			add(pages.DoVoid, "")
		}
		add(pages.DoDetail, "")
	default:
		there, has := provisioning.LentElsewhere(sc.snap, f.visit.Elsewhere)
		if has {
			list = append(list, elsewhereTile(there))
		}
		if closed := loanClosed(sc, f.person); closed != "" {
			add(pages.DoLoan, closed)
		} else if has && !there.Held {
			add(pages.DoLoan, sc.problem(provisioning.CodeLoanElsewhere,
				map[string]string{"desk": string(there.Desk)}).Happened)
		} else {
			list = append(list, reasonTiles(sc.site, pages.DoLoan)...)
		}
	}
	list = passcodeTiles(sc, f, list)
	if f.fee != nil {
		list = append(list, pages.Tile{Do: pages.DoFee, Detail: sc.money(f.fee.Fee.Amount)})
	}
	for i := range list {
		if list[i].Closed == "" {
			list[i].First = true
			break
		}
	}
	return list
}

// loanClosed says why no loan can be made now, or nothing.
func loanClosed(sc scenery, p provisioning.Person) string {
	switch {
	case !slices.Contains(sc.site.Roles, p.Role):
		return sc.problem(provisioning.CodeRoleNotEligible,
			map[string]string{"role": p.Role}).Happened
	case !sc.health.DirectoryUp:
		return sc.problem(CodeDirectoryDown, nil).Happened
	default:
		return ""
	}
}

func mismatchView(sc scenery, f facts) pages.MismatchView {
	return pages.MismatchView{Frame: sc.frame, Card: personCard(sc, f)}
}

// vouchView asks a supervisor other than the acting officer for their word.
func vouchView(sc scenery, f facts) pages.VouchView {
	picks := officerPicks(sc, func(o provisioning.Officer) bool {
		return o.Supervisor && o.ID != f.visit.Officer
	})
	v := pages.VouchView{Frame: sc.frame, Card: personCard(sc, f), Supervisors: picks,
		Pad: pinPad(sc)}
	v.Frame.Back = visitPath(f.visit.ID)
	return v
}

func askView(sc scenery, f facts) pages.AskView {
	v := pages.AskView{Frame: sc.frame, Card: personCard(sc, f),
		Reasons: reasonTiles(sc.site, pages.DoAsk)}
	v.Frame.StepBack = true
	return v
}

// reasonTiles are the reasons the site lends for. Pressing one is the officer's word for it, and
// where the site wants the phone seen (S45) also for that: the tile says so.
func reasonTiles(site provisioning.Site, do string) []pages.Tile {
	var list []pages.Tile
	for _, reason := range site.Reasons {
		list = append(list, pages.Tile{Do: do, Reason: reason, Phone: saysPhone(site, reason)})
	}
	return list
}

// saysPhone says whether the tile of a reason says that the phone was seen.
func saysPhone(site provisioning.Site, reason string) bool {
	return site.PhoneSeen && !slices.Contains(site.NoPhone, reason)
}

// agreeView is what the person sees on the turned screen: their own name, the terms, and the
// token. Of the officer there is nothing here at all.
func agreeView(sc scenery, f facts, back bool) pages.AgreeView {
	sc.frame.Officer = ""
	v := pages.AgreeView{
		Frame: sc.frame, Stage: pages.AgreeRead, Site: sc.site.Name, Name: f.person.Name,
		Terms: sc.site.Terms, Serial: provisioning.SerialOf(f.visit.Token),
		Due: due(sc), NoDue: noDue(sc), Fee: sc.money(sc.site.Fee), Pad: pinPad(sc),
		Cancel: personPath + "?back=1",
	}
	switch {
	case back:
		v.Stage, v.BackTo = pages.AgreeBack, personPath
	case !f.visit.AgreedAt.IsZero():
		v.Stage = pages.AgreeThanks
		v.Write = f.visit.Step == provisioning.StepCheck && !f.visit.Overwrites
		v.Slot, v.Token = f.visit.Slot, string(f.visit.Token)
	}
	return v
}

// due is when a loan made now ends; without a clock that was set there is none.
func due(sc scenery) string {
	if !sc.health.ClockSynced || sc.site.LoanDays == 0 {
		return ""
	}
	return sc.date(sc.now.AddDate(0, 0, sc.site.LoanDays))
}

func noDue(sc scenery) bool { return !sc.health.ClockSynced && sc.site.LoanDays > 0 }
