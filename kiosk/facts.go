package kiosk

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// facts are what the pages of one visit are made from.
type facts struct {
	visit  provisioning.Visit
	person provisioning.Person
	token  provisioning.Token
	// loan is the visit's own, or else the person's open one; credential is that loan's, or the one
	// being made.
	loan       provisioning.Loan
	credential provisioning.Credential
	// fee is a loan of the person whose fee is due, or else one that was paid and can be reversed.
	fee *provisioning.Loan
}

func factsOf(snap provisioning.Snapshot, v provisioning.Visit) facts {
	f := facts{visit: v}
	f.person, _ = provisioning.Get[provisioning.Person](snap, string(v.Person))
	if f.person.ID == "" {
		f.person.ID = v.Person
	}
	f.loan, _ = provisioning.OpenLoan(snap, v.Person)
	if own, ok := provisioning.Get[provisioning.Loan](snap, string(v.Loan)); ok {
		f.loan = own
	}
	for l := range provisioning.Find[provisioning.Loan](
		snap, provisioning.ByPerson, string(v.Person)) {
		if l.Fee.State == provisioning.FeeDue || f.fee == nil && l.Fee.State == provisioning.FeePaid {
			f.fee = &l
		}
	}
	f.credential = credentialOf(snap, v, f.loan)
	id := v.Token
	if id == "" {
		id = f.loan.Token
	}
	f.token, _ = provisioning.Get[provisioning.Token](snap, string(id))
	if f.token.ID == "" {
		f.token.ID, f.token.Serial = id, provisioning.SerialOf(id)
	}
	return f
}

func credentialOf(
	snap provisioning.Snapshot, v provisioning.Visit, l provisioning.Loan,
) provisioning.Credential {
	id := v.Credential
	if id == "" {
		id = l.Credential
	}
	c, _ := provisioning.Get[provisioning.Credential](snap, string(id))
	return c
}

// lent says whether the person has a token of ours now.
func (f facts) lent() bool { return f.loan.ID != "" && f.loan.Open() }

// suspended says whether it was reported lost without a card, and may come back.
func (f facts) suspended() bool { return f.loan.State == provisioning.LoanSuspended }

// fresh says whether a hand-over may still be undone.
func (f facts) fresh(now time.Time) bool {
	return f.lent() && now.Sub(f.loan.At) <= provisioning.VoidFor
}

// openLoanOf finds who has a token.
func openLoanOf(snap provisioning.Snapshot, id provisioning.TokenID) (provisioning.Loan, bool) {
	if id == "" {
		return provisioning.Loan{}, false
	}
	for l := range provisioning.Find[provisioning.Loan](snap, provisioning.ByToken, string(id)) {
		if l.Open() {
			return l, true
		}
	}
	return provisioning.Loan{}, false
}

// plugOf finds the plug of a token.
func plugOf(plugs []provisioning.Plug, id provisioning.TokenID) (provisioning.Plug, bool) {
	for _, p := range plugs {
		if p.Info != nil && id != "" && p.Info.ID() == id {
			return p, true
		}
	}
	return provisioning.Plug{}, false
}
