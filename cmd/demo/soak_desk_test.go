//go:build e2e

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// The officers' PIN. The hash is argon2id of it at the lowest cost the desk reads: a soak is not
// there to try that.
const (
	soakPIN     = "274963"
	soakPINHash = "$argon2id$v=19$m=8,t=1,p=1$YSBzYWx0IG9mIHNvYWtpbmc$" +
		"s9V+dI6FN9yzdpfNelw2fLKdZZs9lPAsQ5vhHIm83hQ"
)

// soak is a desk that is kept busy, by the same hands as in the tests of the whole.
type soak struct {
	*whole
	deskFile, verifierFile string
	// alone is the browser of the unattended view.
	alone *kiosktest.Browser
	// next counts people, serial the tokens that were bought, turns the visits.
	next, turns int
	serial      uint32
	// drawer are tokens that can be lent, lent those that are.
	drawer []*virtual.Key
	lent   []soakLoan
	// second is the token of the other officer.
	second *virtual.Key
	// fast says that time costs nothing.
	fast bool
	// kept is a planted leak.
	kept [][]byte
}

type soakLoan struct {
	person provisioning.Person
	key    *virtual.Key
}

// soakPeople are in the directory besides the sample ones: enough that nobody comes twice in a day.
const soakPeople = 500

// soakPerson is one of them.
func soakPerson(i int) sample {
	id := provisioning.PersonID(fmt.Sprintf("SK%06d", i))
	knows[id] = knowledge{born: "2004-02-29", identityCard: fmt.Sprintf("%07d(8)", 4_000_000+i)}
	return person("um", string(id), fmt.Sprintf("SAMPLE Person %03d", i), "", "", "student",
		"Arts and Humanities", fmt.Sprintf("sk%06d", i), fmt.Sprintf("06%06d", i), 1, i%len(looks))
}

// newSoakStage makes everything but what the settings bring: a desk, its verifier, its people.
// Nothing runs yet.
func newSoakStage(t testing.TB, s settings, log *slog.Logger, post *postOffice) *stage {
	t.Helper()
	st := &stage{settings: s, log: log, clock: newSwitchedClock(), pin: soakPIN, post: post,
		paper: virtual.NewPaper(paperWidth)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	st.site, err = provisioning.LoadSite(s.site)
	must(err)
	// More happens here in a day than at any counter.
	const many = 1_000_000
	st.site.PasscodeLimits = provisioning.PasscodeLimits{Person: many, Officer: many, Desk: many}
	st.site.Recovery = provisioning.RecoveryLimits{PerAccount: many, PerAddress: many}
	st.reader, err = newCardSlot()
	must(err)
	st.people = people(s.site, st.clock.Now())
	for i := range soakPeople {
		who := soakPerson(i)
		who.CardUntil = st.people[0].CardUntil
		st.people = append(st.people, who)
	}
	for i := range st.people {
		st.people[i].Lang = "en"
	}
	st.tokens, st.names = virtual.NewBus(), map[uint32]string{}
	st.central, err = newCentral(s, log)
	must(err)
	return st
}

// officersOf puts the officers into the file of a new desk.
func (st *stage) officersOf(t testing.TB) {
	t.Helper()
	config, err := st.config()
	if err != nil {
		t.Fatal(err)
	}
	card := filepath.Join(config.State, "card.json")
	if _, err := os.Stat(card); errors.Is(err, fs.ErrNotExist) {
		if _, err := daemon.Init(config, st.central.bundle(), card); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		t.Fatal(err)
	}
	desk := provisioning.DeskID(config.Desk)
	file, err := store.Open(t.Context(), store.Options{Path: filepath.Join(config.State, "desk.db"),
		Key: keys.Desk, Desk: desk, Signer: keys.Log, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Do(t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
		change := provisioning.NewChange(provisioning.Entry{At: time.Now(), Desk: desk,
			Actor: "operator:test", Act: "officer.add", Rule: "operator", Outcome: "done"})
		for i, o := range officers {
			who := st.people[4+i]
			change = change.Put(provisioning.Officer{ID: o.id, Name: who.Name, Person: who.ID,
				Supervisor: o.supervisor, PINHash: soakPINHash})
		}
		return change, nil
	})
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// newSoak puts an officer, a drawer and a second officer with a token of their own before a desk
// that runs.
func newSoak(t testing.TB, st *stage, log *journal) *soak {
	t.Helper()
	s := &soak{whole: &whole{stage: st, t: t, log: log, home: virtual.NewBus()}, serial: 21_000_000,
		deskFile:     filepath.Join(st.settings.state, "desk", "desk.db"),
		verifierFile: filepath.Join(st.settings.state, "verifier", "verifier.db")}
	s.b, s.alone = s.browser(st.screen), s.browser(st.self)
	s.ready()
	s.second = s.token()
	s.enrol()
	return s
}

// browser opens one on a socket of the desk.
func (s *soak) browser(on net.Listener) *kiosktest.Browser {
	b := kiosktest.New(s.t, "http://"+on.Addr().String())
	b.Client().Transport = &http.Transport{DialContext: s.settings.net.dial}
	return b
}

// away ends what the browsers hold open.
func (s *soak) away() {
	s.b.Client().CloseIdleConnections()
	s.alone.Client().CloseIdleConnections()
}

// ready lets the officer in, if the desk is locked.
func (s *soak) ready() {
	s.t.Helper()
	if s.b.Open("/"); s.b.Page.Has("Unlock") {
		s.unlock()
	}
}

// somebody is the next person to come, who has no token.
func (s *soak) somebody() provisioning.Person {
	for {
		s.next++
		p := s.people[len(s.people)-soakPeople+s.next%soakPeople].Person
		if !s.loanOpen(p) {
			return p
		}
	}
}

// token takes one from the drawer, or buys one.
func (s *soak) token() *virtual.Key {
	s.t.Helper()
	if len(s.drawer) > 0 {
		key := s.drawer[0]
		s.drawer = s.drawer[1:]
		return key
	}
	s.serial++
	key := virtual.New(virtual.Options{Serial: s.serial})
	if err := s.tokens.Add(key); err != nil {
		s.t.Fatal(err)
	}
	return key
}

// enrol makes a token the second officer's key.
func (s *soak) enrol() {
	s.t.Helper()
	s.lend(s.person("LEONG"), s.second)
	s.b.Press("Lock")
	s.plug(s.second)
	s.b.Open("/")
	s.b.Press("Unlock", "officer", string(officers[1].id), "pin", s.pin)
	s.b.Follow("Your own token")
	if s.b.Page.Has("Erase the slot and make it my key") {
		s.b.Press("Erase the slot and make it my key")
	} else {
		s.b.Press("Make it my key")
	}
	s.sees("Touch your token")
	s.finger(s.second)
	s.sees("This token is your key")
	s.b.Press("Lock")
	s.pull(s.second)
	s.unlock()
}
