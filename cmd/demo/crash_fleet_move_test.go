//go:build crash

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// move: the verifier moves while somebody at the second desk is asked to touch a token. The former
// one runs on, and neither accepts nor follows. No desk is told: the touch reaches the new one, and
// the desks left hold its bundle soon after.
func (f *crashFleet) move() {
	f.lanes[0].person = f.lanes[2].person // who has the token in the first desk's port
	l := f.lanes[1]
	f.takeBack(l)
	w := f.toTouch(l)
	next, parcel := f.moveOut()
	w.touch()
	if _, err := verifier.MoveIn(filepath.Join(next, "verifier"), parcel, time.Now()); err != nil {
		f.t.Fatal(err)
	}
	f.former, f.central = f.central, f.arrive(next)
	for _, l := range f.lanes {
		l.central = f.central
	}
	f.goOn(w)
	f.await("the desks hold the new bundle", f.bundleHeld)
	if s := f.status(); s.Arrived.Key != feed.KeyID(f.former.state.InForce().VerifierKey) {
		f.t.Errorf("the verifier arrived as %+v", s.Arrived)
	}
}

// moveOut makes a new verifier in a folder of its own, and has the present one give its state out.
// The sign-in service keeps its certificate.
func (f *crashFleet) moveOut() (next string, parcel io.Reader) {
	f.t.Helper()
	next = filepath.Join(f.dir, "next")
	bundle, err := verifier.Init(verifier.Plan{Dir: filepath.Join(next, "verifier"), Name: "next",
		Hosts: []string{"127.0.0.1"}, Escrow: filepath.Join(f.dir, "next.escrow"), Now: time.Now()})
	if err != nil {
		f.t.Fatal(err)
	}
	var sealed bytes.Buffer
	if err := f.central.verifier.MoveOut(bundle, false, &sealed); err != nil {
		f.t.Fatal(err)
	}
	for _, name := range []string{"signin.crt", "signin.key"} {
		data, err := os.ReadFile(filepath.Join(f.dir, name))
		err = errors.Join(err, os.WriteFile(filepath.Join(next, name), data, 0o600))
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return next, &sealed
}

// arrive runs the verifier that was moved to, by a clock that may be ahead.
func (f *crashFleet) arrive(dir string) *central {
	f.t.Helper()
	return runCrashCentral(f.t, dir, f.lanes[0].log, func(c *central, log *slog.Logger) (err error) {
		c.verifier, err = verifier.New(verifier.Config{State: c.state, Log: log,
			Clock: func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }})
		return err
	})
}

// bundleHeld says whether the desks that are left seal for the verifier as it is now.
func (f *crashFleet) bundleHeld() bool {
	want := f.central.state.InForce().Fingerprint()
	for _, l := range f.lanes[:2] {
		state, err := daemon.NewClient(l.script.Config.Admin).RenewState(f.t.Context(),
			daemon.RenewBundle)
		if err != nil || state.Use != want {
			return false
		}
	}
	return true
}

// takeBack takes the token in a desk's port back from the person who has it.
func (f *crashFleet) takeBack(l *crashLane) {
	f.t.Helper()
	f.walks(l, phaseReturn)
	delete(f.held, l.person.Account)
}

// toTouch walks a loan until the screen asks for the touch.
func (f *crashFleet) toTouch(l *crashLane) *crashWalk {
	f.t.Helper()
	l.aimAt(nil)
	l.browser.Open("/")
	return l.toTouch()
}

// goOn walks a loan to its end.
func (f *crashFleet) goOn(w *crashWalk) {
	f.t.Helper()
	f.await("the loan comes to its end", func() bool { return w.step(w.l.browser.Page) })
	w.l.settled()
	f.held[w.l.person.Account] = &crashHeld{lane: w.l, serial: w.l.serial, works: true}
}

// crashCounter is what the verifier keeps of a credential, as far as the fleet looks at it.
type crashCounter struct {
	ID, User, State string
	Next            uint64
}

// noneLower: by the verifier's own file no counter fell, no credential is missing, and nobody has
// two that count.
func (f *crashFleet) noneLower(after string) {
	f.t.Helper()
	now, live := map[string]uint64{}, map[string]int{}
	for _, c := range f.counted() {
		now[c.ID] = c.Next
		if c.State == "active" || c.State == "suspended" {
			live[c.User]++
		}
	}
	for id, was := range f.counters {
		if next, ok := now[id]; !ok || next < was {
			f.t.Errorf("after %q: the counter of a credential was %d and is %d, known %v", after, was,
				next, ok)
		}
	}
	f.counters = now
	for user, n := range live {
		if n > 1 {
			f.t.Errorf("after %q: the verifier has %d tokens of %s", after, n, user)
		}
	}
}

// deaf: a verifier that was moved away answers nothing, not even an OTP that the next one accepts.
func (f *crashFleet) deaf(account, otp string) {
	f.t.Helper()
	if f.former == nil {
		return
	}
	if _, err := f.former.signIn(f.t.Context(), account, otp); err == nil {
		f.t.Error("the verifier that was moved away answers")
	}
}

// counted reads every credential in a copy of the verifier's file. Nothing is under way; should
// somebody write nevertheless, the copy is made anew.
func (f *crashFleet) counted() (all []crashCounter) {
	f.t.Helper()
	dir := filepath.Dir(f.central.bundle())
	text, err := os.ReadFile(filepath.Join(dir, "state.key"))
	if err != nil {
		f.t.Fatal(err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		f.t.Fatal(err)
	}
	path := filepath.Join(f.dir, "copy.db")
	f.await("the verifier's file is at rest", func() bool {
		one, err := os.ReadFile(filepath.Join(dir, "verifier.db"))
		two, err2 := os.ReadFile(filepath.Join(dir, "verifier.db"))
		return errors.Join(err, err2) == nil && bytes.Equal(one, two) &&
			os.WriteFile(path, two, 0o600) == nil
	})
	file, err := boltfile.Open(boltfile.Options{Path: path, Kind: "verifier"}, key)
	if err != nil {
		f.t.Fatal(err)
	}
	err = file.View(func(tx *boltfile.Tx) error {
		return tx.ForEach("credential", nil, nil, func(i boltfile.Item) error {
			var c crashCounter
			err := json.Unmarshal(i.Value, &c)
			all = append(all, c)
			return err
		})
	})
	if err := errors.Join(err, file.Close()); err != nil {
		f.t.Fatal(err)
	}
	return all
}
