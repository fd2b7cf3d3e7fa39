package provisioning

import "time"

// reveal shows the person their passcode: on the turned screen, once the verifier has taken it, and
// while the desk still has the digits.
func (d *decision) reveal(c Reveal) *Refusal {
	p, live := Get[Passcode](d.s, string(d.visit.Passcode))
	no := d.all(
		rule{"reveal.turned", refuseUnless(d.visit.Turned, CodeNotTurned)},
		rule{"passcode.known", refuseUnless(live, CodePasscodeUnknown)},
		rule{"reveal.accepted", refuseUnless(p.State == PasscodeLive, CodePasscodeWaiting)},
		rule{"reveal.held", refuseUnless(c.Held && d.now.At.Before(p.Keep), CodePasscodeGone)},
	)
	if no != nil {
		return no
	}
	if p.Revealed.IsZero() {
		p.Revealed = d.now.At
		d.put(p)
	}
	d.visit.ShownUntil = d.now.At.Add(ShowFor)
	return nil
}

// hide takes the digits off the screen. They can be shown again.
func (d *decision) hide() *Refusal {
	d.visit.ShownUntil = time.Time{}
	return nil
}

// noted: the person has the passcode. The desk forgets the digits. Said on the turned screen it is
// also the end of the visit: that screen is left to nobody.
func (d *decision) noted() *Refusal {
	p, live := Get[Passcode](d.s, string(d.visit.Passcode))
	no := d.all(rule{"noted.revealed", refuseUnless(live && !p.Revealed.IsZero(),
		CodePasscodeNotSeen)})
	if no != nil {
		return no
	}
	d.visit.Step, d.visit.ShownUntil = StepDone, time.Time{}
	if d.visit.Turned {
		d.visit = d.draft.end(d.visit, "")
	}
	return nil
}
