package kiosk

import (
	"net/http"
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
	case pages.DoApprove:
		return a.approve()
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

// approve asks for the touch of another officer's token, puts that officer's word on record, and
// issues. No form carries the officer: only a token that was touched just now names one.
func (a act) approve() (string, error) {
	v := a.visit
	if v.Step != provisioning.StepSecond {
		return "", provisioning.Refuse(provisioning.CodeWrongStep)
	}
	return a.s.touchAgain(a.r, a.who, touchAsk{Act: "long", Other: true, Back: a.here(),
		Then: func(r *http.Request, second provisioning.OfficerID) (string, error) {
			a.r = r
			err := a.s.codes.Approve(r.Context(), v.ID, provisioning.ActPasscode, second)
			if err != nil {
				return "", err
			}
			return a.issue("", "")
		}})
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
