//go:build crash

package main

import "time"

// stealOne: the third desk is revoked, with what it issued since it began.
func (f *crashFleet) stealOne() {
	l := f.lanes[2]
	list, err := f.central.verifier.RevokeDesk(l.name, time.Now().Add(-time.Hour))
	if err != nil || len(list) != 1 || list[0].User != l.person.Account {
		f.t.Fatalf("%+v, %v", list, err)
	}
	f.stolen = true
	f.held[l.person.Account].works = false
	f.refused(l.person.Account, f.held[l.person.Account])
}

// serveAgain: the stolen desk's person comes to the first one.
func (f *crashFleet) serveAgain() {
	l, old := f.lanes[0], f.held[f.lanes[2].person.Account]
	f.replace(l)
	was := l.person
	l.person = f.lanes[2].person
	f.lend(l)
	f.refused(l.person.Account, old)
	l.person = was
}

// thief: whoever has the stolen desk, its keys and its officer's PIN takes a token back and lends
// another.
func (f *crashFleet) thief() {
	l := f.lanes[2]
	l.serial = l.nth(0)
	f.walks(l, phaseReturn)
	f.thiefLends()
}

// thiefLends: the verifier takes nothing of the stolen desk, and the desk says so.
func (f *crashFleet) thiefLends() {
	l := f.lanes[2]
	before := f.status().Credentials
	l.aimAt(nil)
	w := &crashWalk{l: l, phase: phaseIssue}
	l.browser.Open("/")
	f.await("the stolen desk is told that it is", func() bool {
		told := l.browser.Page.Says("takes nothing from this desk any more")
		return w.acted && told || w.step(l.browser.Page)
	})
	if l.browser.Page.Says("service and works now") {
		f.t.Error("the stolen desk says that what it lent works")
	}
	l.settled()
	if after := f.status().Credentials; after["active"] != before["active"] ||
		after["waiting"] != before["waiting"] {
		f.t.Errorf("the verifier holds %v, and held %v", after, before)
	}
}
