package kiosk

import (
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// passcode carries out the officer's buttons around a passcode; why is the situation of a tile.
func (a act) passcode(do, why string) (string, error) {
	switch do {
	case pages.DoJustify:
		return a.sub(subWhy) + "?mode=" + why, nil
	case pages.DoSecond:
		return a.here(), a.do(provisioning.AskSecond{Situation: why})
	case pages.DoRevoke:
		return a.here(), a.do(provisioning.RevokePasscode{
			Passcode: provisioning.PasscodeID(a.value("passcode"))})
	case pages.DoRecovery:
		return a.issue(provisioning.SituationRecovery, "")
	case pages.DoAnew:
		return a.anew()
	}
	return a.issue(why, "")
}

// issue issues what a situation leads to, and turns the screen to the person in the same press.
func (a act) issue(why, text string) (string, error) {
	err := a.do(provisioning.IssuePasscode{Situation: why, Justification: text, Turn: true})
	if err != nil {
		return "", err
	}
	return a.facing()
}

// anew issues the same once more. What a second officer approved, they approve anew.
func (a act) anew() (string, error) {
	v := a.visit
	if _, terms, ok := a.s.site.PasscodeFor(v.Situation); ok && terms.SecondOfficer {
		return a.here(), a.do(provisioning.AskSecond{
			Situation: v.Situation, Justification: v.Justification})
	}
	return a.issue("", "")
}

// justified goes on with what the officer wrote beside a situation.
func (a act) justified() (string, error) {
	text, done := a.s.field(a.r, "text", maxText)
	if !done {
		return a.r.URL.RequestURI(), nil
	}
	why, text := a.r.URL.Query().Get("mode"), strings.TrimSpace(text)
	if _, terms, ok := a.s.site.PasscodeFor(why); ok && terms.SecondOfficer {
		return a.here(), a.do(provisioning.AskSecond{Situation: why, Justification: text})
	}
	return a.issue(why, text)
}
