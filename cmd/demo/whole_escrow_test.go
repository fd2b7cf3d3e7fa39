package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// verifierDir is where the stage keeps its verifier.
func (w *whole) verifierDir() string { return filepath.Join(w.settings.state, "verifier") }

// loseVerifier stops everything and destroys the verifier's machine. Its escrow key is in the safe.
func (w *whole) loseVerifier() (lost feed.Bundle) {
	w.t.Helper()
	lost = w.central.state.Bundle
	w.b.Client().CloseIdleConnections()
	w.stop()
	err := errors.Join(os.RemoveAll(w.verifierDir()),
		os.Remove(filepath.Join(w.settings.state, "signin.crt")),
		os.Remove(filepath.Join(w.settings.state, "signin.key")))
	if err != nil {
		w.t.Fatal(err)
	}
	return lost
}

// TestWholeRebuild: the verifier is lost. A new one is rebuilt from what the desk holds, opened
// with the escrow key: a token that was lent works again after two OTPs, a passcode does not, and
// the desk goes on.
func TestWholeRebuild(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um", state: t.TempDir()})
	p, other, third := w.person("CHAN"), w.person("WONG"), w.person("LEONG")
	w.lend(p, w.key(17390102))
	w.works(p, w.key(17390102))
	code := w.passcode(other, "Forgot the phone today")[0]
	w.signIn(other, code, true)
	w.settled()

	lost := w.loseVerifier()
	_, err := verifier.BeginRebuild(verifier.Plan{Dir: w.verifierDir(), Hosts: []string{"127.0.0.1"},
		Now: time.Now()}, lost)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := os.ReadFile(filepath.Join(w.verifierDir(), verifier.FileBundle))
	if err != nil {
		t.Fatal(err)
	}
	atDesk := filepath.Join(w.settings.state, "desk", "verifier.json")
	if err := os.WriteFile(atDesk, bundle, 0o644); err != nil {
		t.Fatal(err)
	}
	w = begin(t, w.settings, func(st *stage) { st.central.connect(false) })
	key, err := verifier.ReadEscrowKey(filepath.Join(w.settings.state, "escrow.key"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.central.verifier.Rebuild(t.Context(), []*feed.Opener{key},
		func(string, error) {})
	if err != nil || len(list) != 1 || list[0].Passcodes != 1 || list[0].Unreadable != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	w.central.connect(true)

	token := w.key(17390102)
	first, second := w.typed(token), w.typed(token)
	w.signIn(p, first, false)
	w.signIn(p, second, true)
	w.signIn(p, second, false)
	w.works(p, token)
	w.signIn(other, code, false)
	w.until("the desk has heard that the passcode is dead", func() bool {
		for range provisioning.Find[provisioning.Passcode](w.desk.Snapshot(), provisioning.ByPerson,
			string(other.ID)) {
			return false
		}
		return true
	})
	w.unlock()
	if w.doubtful(token) {
		t.Error("the rebuild put a lent token into doubt")
	}
	w.lend(third, w.key(17390103))
	w.works(third, w.key(17390103))
}

// TestWholeMove: the verifier moves to another machine and key. No desk has to know before it goes
// on, an OTP that was used before is refused after, and one that was not is accepted.
func TestWholeMove(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um", state: t.TempDir()})
	p, third := w.person("CHAN"), w.person("LEONG")
	w.lend(p, w.key(17390102))
	used := w.typed(w.key(17390102))
	w.signIn(p, used, true)

	next := filepath.Join(w.settings.state, "next")
	bundle, err := verifier.Init(verifier.Plan{Dir: next, Name: "next", Hosts: []string{"127.0.0.1"},
		Escrow: filepath.Join(w.settings.state, "next.escrow"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var parcel bytes.Buffer
	if err := w.central.verifier.MoveOut(bundle, false, &parcel); err != nil {
		t.Fatal(err)
	}
	if _, err := w.central.signIn(t.Context(), p.Account, w.typed(w.key(17390102))); err == nil {
		t.Error("the old verifier still answers")
	}
	w.b.Client().CloseIdleConnections()
	w.stop()
	if _, err := verifier.MoveIn(next, &parcel, time.Now()); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.RemoveAll(w.verifierDir()), os.Rename(next, w.verifierDir()))
	if err != nil {
		t.Fatal(err)
	}
	w = begin(t, w.settings, nil)
	w.signIn(p, used, false)
	w.works(p, w.key(17390102))
	w.unlock()
	w.lend(third, w.key(17390103))
	w.works(third, w.key(17390103))
}
