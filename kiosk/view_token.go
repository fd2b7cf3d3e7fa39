package kiosk

import (
	"errors"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// plugView waits for a token, for a loan or a return.
func plugView(sc scenery, f facts) pages.PlugView {
	v := pages.PlugView{Frame: sc.frame, State: pages.PlugNone}
	v.Frame.StepBack, v.Frame.For = true, f.person.Name
	if f.visit.Step == provisioning.StepReturn {
		v.Return, v.Expect = true, provisioning.SerialOf(f.loan.Token)
	}
	plugs := inPlay(sc.plugs)
	if len(plugs) > 1 {
		v.State = pages.PlugTwo
		return v
	}
	if len(plugs) == 1 {
		plugged(sc, f, plugs[0], &v)
	}
	return v
}

// inPlay are the plugs that count: those that can be used, or else the first of the others, so that
// a key the desk leaves alone is explained only while it is all there is.
func inPlay(plugs []provisioning.Plug) []provisioning.Plug {
	var usable []provisioning.Plug
	for _, p := range plugs {
		if p.Usable {
			usable = append(usable, p)
		}
	}
	if len(usable) == 0 {
		return plugs[:min(1, len(plugs))]
	}
	return usable
}

// plugged says what is the matter with the one plugged token.
func plugged(sc scenery, f facts, p provisioning.Plug, v *pages.PlugView) {
	v.Name = p.Name
	code := p.Why
	switch {
	case p.Info != nil:
		v.State, v.Serial, code = pages.PlugFound, p.Info.Serial, f.visit.Problem
	case errors.Is(p.Err, provisioning.ErrHeld):
		code = provisioning.CodeTokenHeld
	case errors.Is(p.Err, provisioning.ErrNotOTP):
		code = provisioning.CodeTokenNotOTP
	case p.Err != nil && code == "":
		code = provisioning.CodeTokenSilent
	case code == "":
		v.State = pages.PlugIdentifying
	}
	if code == "" {
		return
	}
	why := sc.problem(code, plugParams(f, p))
	v.Why, v.State = &why, plugState(code)
}

func plugState(code provisioning.Code) pages.PlugState {
	switch code {
	case provisioning.CodeTokenHeld:
		return pages.PlugHeld
	case provisioning.CodeTokenNoPermission:
		return pages.PlugPermission
	case provisioning.CodeTokenMany:
		return pages.PlugTwo
	default:
		return pages.PlugWrong
	}
}

func plugParams(f facts, p provisioning.Plug) map[string]string {
	params := map[string]string{"expected": provisioning.SerialOf(f.loan.Token)}
	for name, value := range f.visit.Params {
		params[name] = value
	}
	if p.Info != nil {
		params["serial"] = p.Info.Serial
	}
	return params
}

// checkView shows what will happen before anything is written.
func checkView(sc scenery, f facts) pages.CheckView {
	v := pages.CheckView{
		Frame: sc.frame, Card: personCard(sc, f), Serial: f.token.Serial, Model: f.token.Model,
		Firmware: f.token.Firmware, Slot: f.visit.Slot, Holds: holds(f),
		Due: due(sc), NoDue: noDue(sc), Fee: sc.money(sc.site.Fee), Reason: f.visit.Reason,
		Terms: sc.site.Terms, AgreedAt: sc.clock(f.visit.AgreedAt),
		Ready: !f.visit.AgreedAt.IsZero(),
	}
	if p, ok := plugOf(sc.plugs, f.visit.Token); ok {
		v.Serial, v.Firmware = p.Info.Serial, p.Info.Firmware
		if v.Model == "" {
			v.Model = p.Info.Model
		}
	}
	for _, slot := range f.visit.Slots {
		number := strconv.Itoa(slot.Number)
		v.Slots = append(v.Slots, pages.Choice{Key: number, Label: number,
			Selected: slot.Number == f.visit.Slot})
	}
	v.Frame.StepBack = true
	return v
}

// holds says what the slot to be written holds now.
func holds(f facts) string {
	if f.visit.Overwrites {
		return "other"
	}
	for _, slot := range f.visit.Slots {
		if slot.Number == f.visit.Slot && slot.Configured {
			return "ours"
		}
	}
	return ""
}

// touchIdle warns before a touch is waited for no longer; any sign of life puts that off.
func touchIdle(sc scenery, f facts) pages.Idle {
	left := int(f.visit.TouchBy.Sub(sc.now) / time.Second)
	return pages.Idle{Seconds: max(left, 1), Warn: int(warnBefore / time.Second), End: sc.frame.Here,
		Touch: true}
}

// slowAfter is when the page offers to park: long past what a verdict takes.
const slowAfter = 6 * time.Second

// writeView is write, touch and the verifier's verdict.
func writeView(sc scenery, f facts) pages.WriteView {
	v := pages.WriteView{Frame: sc.frame, Serial: provisioning.SerialOf(f.visit.Token),
		Stage: pages.WritePreparing}
	v.Frame.For, v.Frame.Idle, v.Frame.End = f.person.Name, pages.Idle{}, true
	switch f.visit.Progress {
	case provisioning.ProgressWriting:
		v.Stage = pages.WriteWriting
	case provisioning.ProgressTouch:
		v.Stage = pages.WriteTouch
		v.TouchBy = sc.clock(f.visit.TouchBy)
		if f.visit.Problem == provisioning.CodeOTPUnknown {
			v.Stage = pages.WriteWrongTouch
		}
		v.Frame.Idle = touchIdle(sc, f)
	case provisioning.ProgressProven:
		v.Stage = pages.WriteProven
	}
	if f.visit.Step == provisioning.StepVerify {
		v.Stage = pages.WriteProven
		if sc.now.Sub(f.credential.Since) > slowAfter || !sc.health.VerifierUp {
			v.Stage = pages.WriteSlow
		}
	}
	return v
}
