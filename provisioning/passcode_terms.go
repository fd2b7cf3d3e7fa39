package provisioning

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// PasscodeTerms are what passcodes of one type are good for at a site.
type PasscodeTerms struct {
	Type PasscodeType `toml:"kind"`
	// Hours is how long it is good for.
	Hours int
	// Uses of each code. A profile that means no limit says Unlimited and leaves Uses at 0.
	Uses      int
	Unlimited bool
	// Count is how many codes are issued together; 0 means one. Several are for one use each.
	Count int
	// For is PurposeEnrol, or empty for any sign-in.
	For string
	// SecondOfficer asks another officer to approve it on the spot.
	SecondOfficer bool `toml:"second_officer"`
}

// PurposeEnrol: the passcode is good for enrolling a device and nothing else.
const PurposeEnrol = "enrol"

// Situation is why a person needs a passcode. It decides the type: an officer never picks one (S56).
type Situation struct {
	// Key is a catalogue key: "phone_forgotten".
	Key      string
	Passcode PasscodeType
	// Justify asks the officer to write why (S57); the situation itself is on record anyway.
	Justify bool
}

// PasscodeLimits bound what is issued on one day of the site's own time.
type PasscodeLimits struct {
	// Person is the most for one person, Officer the most by one officer, Desk the most at one desk.
	Person, Officer, Desk int
}

// Codes is how many codes are issued together.
func (t PasscodeTerms) Codes() int { return max(1, t.Count) }

// Life is how long a passcode is good for.
func (t PasscodeTerms) Life() time.Duration { return time.Duration(t.Hours) * time.Hour }

// PasscodesOf finds the terms of a type.
func (s Site) PasscodesOf(of PasscodeType) (PasscodeTerms, bool) {
	for _, terms := range s.Passcodes {
		if terms.Type == of {
			return terms, true
		}
	}
	return PasscodeTerms{}, false
}

// SituationRecovery is in no profile: a site with recovery passcodes gives them at the desk, too.
const SituationRecovery = "recovery"

// PasscodeFor finds the situation of a key and the terms it leads to.
func (s Site) PasscodeFor(key string) (Situation, PasscodeTerms, bool) {
	for _, situation := range s.Situations {
		if situation.Key == key {
			terms, ok := s.PasscodesOf(situation.Passcode)
			return situation, terms, ok
		}
	}
	if key == SituationRecovery {
		terms, ok := s.PasscodesOf(PasscodeRecovery)
		return Situation{Key: key, Passcode: PasscodeRecovery}, terms, ok
	}
	return Situation{}, PasscodeTerms{}, false
}

// The most a profile may ask for: what the feed carries.
const (
	maxPasscodeHours = 31 * 24
	maxPasscodeUses  = 1000
	maxPasscodeCount = 10
)

func (t PasscodeTerms) check() error {
	known := []PasscodeType{PasscodeShort, PasscodeLong, PasscodeRecovery}
	switch {
	case !slices.Contains(known, t.Type):
		return fmt.Errorf("site profile: passcode %q is not known", t.Type)
	case t.Hours < 1 || t.Hours > maxPasscodeHours:
		return fmt.Errorf("site profile: passcode %s: hours is 1 to %d", t.Type, maxPasscodeHours)
	case t.Uses < 0 || t.Uses > maxPasscodeUses || t.Unlimited == (t.Uses > 0):
		return fmt.Errorf("site profile: passcode %s: uses is 1 to %d, or unlimited is said",
			t.Type, maxPasscodeUses)
	case t.Count < 0 || t.Count > maxPasscodeCount || t.Count > 1 && t.Uses != 1:
		return fmt.Errorf("site profile: passcode %s: count is 1 to %d, and several are for one "+
			"use each", t.Type, maxPasscodeCount)
	case t.For != "" && t.For != PurposeEnrol:
		return fmt.Errorf("site profile: passcode %s: for is %q or left out", t.Type, PurposeEnrol)
	case t.Type == PasscodeRecovery && t.SecondOfficer:
		return errors.New("site profile: no officer is there at a recovery, and no second one")
	case t.Type == PasscodeRecovery && !t.Unlimited && t.Uses*t.Codes() < 2:
		return errors.New("site profile: a recovery off campus types its passcode twice (S64)")
	}
	return nil
}

// checkPasscodes: a site without passcodes names no situation and no limit; one with them leaves
// nothing out.
func (s Site) checkPasscodes() error {
	if len(s.Passcodes) == 0 {
		if len(s.Situations) > 0 || s.PasscodeLimits != (PasscodeLimits{}) {
			return errors.New("site profile: situations or limits of passcodes it does not have")
		}
		return nil
	}
	seen, leads := map[PasscodeType]bool{}, map[PasscodeType]bool{}
	for _, terms := range s.Passcodes {
		if err := terms.check(); err != nil {
			return err
		}
		if seen[terms.Type] {
			return fmt.Errorf("site profile: passcode %s stands twice", terms.Type)
		}
		seen[terms.Type] = true
	}
	keys := map[string]bool{}
	for _, situation := range s.Situations {
		if situation.Key == "" || keys[situation.Key] || !seen[situation.Passcode] ||
			situation.Passcode == PasscodeRecovery {
			return fmt.Errorf("site profile: situation %q needs a key of its own and a short or "+
				"long passcode the site has", situation.Key)
		}
		keys[situation.Key], leads[situation.Passcode] = true, true
	}
	return s.checkReach(seen, leads)
}

// checkReach: what a profile offers can be had.
func (s Site) checkReach(seen, leads map[PasscodeType]bool) error {
	for of := range seen {
		if of != PasscodeRecovery && !leads[of] {
			return fmt.Errorf("site profile: no situation leads to a %s passcode", of)
		}
	}
	enough := slices.ContainsFunc(s.Evidence, func(r EvidenceRule) bool { return r.Passcode })
	l := s.PasscodeLimits
	switch {
	case len(s.Situations) > 0 && !enough:
		return errors.New("site profile: no evidence is enough for a passcode")
	case seen[PasscodeRecovery] && (s.Recovery.PerAccount < 1 || s.Recovery.PerAddress < 1):
		return errors.New("site profile: recovery names per_account and per_address")
	case s.MailRequests && !seen[PasscodeShort]:
		return errors.New("site profile: requests by mail lead to a short passcode, and there is none")
	case l.Person < 1 || l.Officer < 1 || l.Desk < 1:
		return errors.New("site profile: passcode_limits names person, officer and desk")
	}
	return nil
}
