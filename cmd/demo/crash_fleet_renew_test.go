//go:build crash

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// whileLending takes tokens back and lends them anew, one desk after the other, until something
// else is done, and at each desk at least once.
func (f *crashFleet) whileLending(do func() error) {
	f.t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	for n := 0; ; n++ {
		l := f.lanes[n%2]
		f.takeBack(l)
		f.lend(l)
		if n == 0 {
			continue
		}
		select {
		case err := <-done:
			if err != nil {
				f.t.Fatal(err)
			}
			return
		default:
		}
	}
}

// renewal is the operator's side at a desk.
func (f *crashFleet) renewal(l *crashLane) daemon.Renewal {
	return daemon.Renewal{Config: l.script.Config, Client: daemon.NewClient(l.script.Config.Admin),
		Patience: 20 * time.Second, Say: func(string) {}}
}

// renewDesks renews what the desks left have: the certificate of the feed, the key of the log, and
// the one that opens the store.
func (f *crashFleet) renewDesks() {
	var before []daemon.Keys
	for _, l := range f.lanes[:2] {
		before = append(before, l.keys)
	}
	f.whileLending(func() error {
		for _, what := range []string{daemon.RenewFeed, daemon.RenewLog, daemon.RenewDesk} {
			for _, l := range f.lanes[:2] {
				if err := f.renewal(l).Run(f.t.Context(), what); err != nil {
					return fmt.Errorf("renew %s of %s: %w", what, l.name, err)
				}
			}
		}
		return nil
	})
	for i, l := range f.lanes[:2] {
		l.readKeys()
		if l.keys.LogKey == before[i].LogKey ||
			feed.Pin(l.keys.Feed.Leaf) == feed.Pin(before[i].Feed.Leaf) ||
			bytes.Equal(l.keys.Desk.Expose(), before[i].Desk.Expose()) {
			f.t.Errorf("%s has an old key", l.name)
		}
	}
}

// renewSite begins a generation of the site secret at the first desk. The operator copies its file
// to the other one that is left and starts that anew, with all its new keys.
func (f *crashFleet) renewSite() {
	home, other := f.lanes[0], f.lanes[1]
	if err := f.renewal(home).RunSite(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	other.takeSecret(home.siteSecret())
	other.desk.kill()
	other.start()
	f.whileLending(func() error { return nil })
	for _, l := range f.lanes[:2] {
		if token := l.settled().token(l.id()); token.Generation != 2 {
			f.t.Errorf("a token of %s has generation %d", l.name, token.Generation)
		}
	}
}

// renewCentral renews the certificate that desks let in, and the key they seal to.
func (f *crashFleet) renewCentral() {
	before := f.central.state.InForce()
	f.whileLending(func() error {
		if err := f.order(verifier.RenewFollower, verifier.StepBegin); err != nil {
			return err
		}
		err := f.until("the follower's certificate is renewed", func() bool {
			b := f.central.state.InForce()
			return b.FollowerPin != before.FollowerPin && b.OldFollowerPin == "" && f.bundleHeld()
		})
		if err != nil {
			return err
		}
		if err := f.order(verifier.RenewSealing, verifier.StepBegin); err != nil {
			return err
		}
		return f.until("the desks seal to the new key", f.bundleHeld)
	})
	f.ahead.Store(int64(time.Hour)) // nothing that was sealed to the old key is under way
	f.whileLending(func() error {
		return f.until("the old sealing key is given up", func() bool {
			return f.order(verifier.RenewSealing, verifier.StepRetire) == nil
		})
	})
	if feed.KeyID(f.central.state.InForce().VerifierKey) == feed.KeyID(before.VerifierKey) {
		f.t.Error("desks seal to the old key")
	}
}

func (f *crashFleet) order(what, step string) error {
	return f.central.verifier.Renew(verifier.RenewOrder{What: what, Step: step})
}

// renewCallers renews the certificate of the API and the one of the sign-in service, while a loan
// waits for its touch. After each step somebody signs in.
func (f *crashFleet) renewCallers() {
	f.takeBack(f.lanes[1])
	w := f.toTouch(f.lanes[1])
	f.then(verifier.RenewAPI, verifier.StepBegin)
	f.call("signin") // trusts both from now on
	f.then(verifier.RenewAPI, verifier.StepSwitch)
	f.then(verifier.RenewAPI, verifier.StepRetire)
	f.call("signin")
	old := f.central.caller
	base := filepath.Join(filepath.Dir(f.central.dir), "signin2")
	pin, err := verifier.Identity{Name: "sign-in", Now: time.Now()}.Write(base+".crt", base+".key")
	if err != nil {
		f.t.Fatal(err)
	}
	caller := verifier.RenewOrder{What: verifier.RenewCaller, Step: verifier.StepBegin,
		Caller: "sign-in", Pin: pin, Ends: verifier.EndOf(time.Now())}
	if err := f.central.verifier.Renew(caller); err != nil {
		f.t.Fatal(err)
	}
	f.call("signin2")
	caller.Step = verifier.StepRetire
	if err := f.central.verifier.Renew(caller); err != nil {
		f.t.Fatal(err)
	}
	f.comesIn("the caller's certificate is renewed")
	old.CloseIdleConnections()
	f.central.caller, old = old, f.central.caller
	if _, err := f.central.signIn(f.t.Context(), f.lanes[0].person.Account, "000000"); err == nil {
		f.t.Error("the old certificate of the caller still calls")
	}
	f.central.caller = old
	f.goOn(w)
}

// then does a step of a renewal, and has somebody sign in.
func (f *crashFleet) then(what, step string) {
	f.t.Helper()
	if err := f.order(what, step); err != nil {
		f.t.Fatal(err)
	}
	f.comesIn(what + " " + step)
}

// call has the sign-in service call with a certificate of a file, over new connections.
func (f *crashFleet) call(name string) {
	f.t.Helper()
	client, err := f.central.newCaller(settings{}, filepath.Join(filepath.Dir(f.central.dir), name))
	if err != nil {
		f.t.Fatal(err)
	}
	f.central.caller.CloseIdleConnections()
	f.central.caller = client
	f.comesIn("a call as " + name)
}

// comesIn has the person with the first desk's token sign in.
func (f *crashFleet) comesIn(after string) {
	f.t.Helper()
	account := f.lanes[0].person.Account
	if !f.signsIn(account, f.press(f.held[account])) {
		f.t.Errorf("%s: the token of %s is lost", after, account)
	}
}

// siteSecret is the file that an operator copies to the other desks of the site.
func (l *crashLane) siteSecret() []byte {
	text, err := os.ReadFile(filepath.Join(l.script.Config.Credentials, "site-secret"))
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}

// takeSecret puts it there.
func (l *crashLane) takeSecret(text []byte) {
	folder := l.script.Config.Credentials
	err := errors.Join(os.MkdirAll(folder, 0o700),
		os.WriteFile(filepath.Join(folder, "site-secret"), text, 0o600))
	if err != nil {
		l.t.Fatal(err)
	}
}
