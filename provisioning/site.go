package provisioning

import "time"

// Site is a university's policy as data. Profiles are files; nothing in the rules knows a name.
type Site struct {
	// ID is short and lower case, for example "um".
	ID string
	// Name of the university and of its help desk, for the screen.
	Name, Desk string
	// Location is the IANA time zone everything is shown in.
	Location *time.Location
	// Roles that may borrow a token.
	Roles []string
	// Reasons a loan may be given for (S43), as catalogue keys.
	Reasons []string
	// NoPhone are those of the reasons with which there is no phone to see.
	NoPhone []string
	// Evidence the site accepts, best first, and whether each permits a loan.
	Evidence []EvidenceRule
	// PhoneSeen asks the officer to see the person's phone (S45).
	PhoneSeen bool
	// Terms is the current version of the loan terms (S23).
	Terms string
	// Fee for a lost token (S47); zero means none.
	Fee Money
	// LoanDays is how long a loan lasts.
	LoanDays int
	// AdviseDevices is how many second factors a person should have (S27).
	AdviseDevices int
	// Digits of the OTPs, and the slot written unless the officer picks another.
	Digits, Slot int
	// AccessCodes guards the slots we write.
	AccessCodes bool
	// KeepForeign refuses to overwrite what a slot holds that this desk did not write, whoever
	// confirms it.
	KeepForeign bool
	// Touch asks every officer to touch their own token again to void a loan or waive a fee. It is
	// the desk's to say: it holds unless PINs alone unlock it.
	Touch bool
	// Hours are the support hours, for the screen.
	Hours []Hours
	// Notices are the channels on which people are told what was done; the box must be configured for
	// them, too.
	Notices []NoticeChannel
	// Strip is a mail suffix people type after their account, to be dropped (S9).
	Strip string
	// Passcodes the site issues, the situations that lead to them, and how many on one day. A site
	// without any has no such errand.
	Passcodes      []PasscodeTerms
	Situations     []Situation
	PasscodeLimits PasscodeLimits
	// MailRequests: the desk answers requests by mail (S53). Recovery bounds the unattended view.
	MailRequests bool
	Recovery     RecoveryLimits
}

// EvidenceRule says what one kind of evidence permits.
type EvidenceRule struct {
	Kind Evidence
	// Loan and Lost say whether it is enough to lend, and to revoke rather than suspend.
	Loan, Lost bool
	// Passcode says whether it is enough for a passcode (S52).
	Passcode bool
}

// Hours are the support hours of some weekdays: "09:00-13:00".
type Hours struct {
	Days  string
	Spans []string
}

// Permits finds the rule of one kind of evidence.
func (s Site) Permits(e Evidence) (EvidenceRule, bool) {
	for _, rule := range s.Evidence {
		if rule.Kind == e {
			return rule, true
		}
	}
	return EvidenceRule{}, false
}

// Due is the last moment of the last day of a loan that begins now. It is zero when the clock was
// not synchronised: no due date is made from a wrong clock.
func (s Site) Due(at time.Time, synced bool) time.Time {
	if !synced || s.LoanDays == 0 {
		return time.Time{}
	}
	year, month, day := at.In(s.zone()).Date()
	return time.Date(year, month, day+s.LoanDays, 23, 59, 59, 0, s.zone())
}

func (s Site) zone() *time.Location {
	if s.Location == nil {
		return time.UTC
	}
	return s.Location
}
