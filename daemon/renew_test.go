package daemon

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// troubles watches the verifier's link to the desk, and remembers whatever went wrong there.
func (p *pair) troubles(ctx context.Context) (seen func() []string) {
	list, done := map[string]bool{}, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if s, err := p.verifier.Status(); err == nil && len(s.Desks) > 0 {
				if what := s.Desks[0].Trouble + s.Desks[0].Alarm.What; what != "" {
					list[what] = true
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() (all []string) {
		<-done
		for what := range list {
			all = append(all, what)
		}
		return all
	}
}

// renewal is the operator's side.
func (p *pair) renewal() Renewal {
	return Renewal{Config: p.config, Client: p.client, Patience: 60 * time.Second,
		Say: func(string) {}}
}

// TestRenewWithoutAPause: every key of both ends is renewed while tokens are issued and signed in
// with. No sign-in fails, the line is never broken, nothing is alarmed, and no old key is good for
// anything afterwards.
func TestRenewWithoutAPause(t *testing.T) {
	p := newPair(t, nil)
	if list := p.renewAll(); len(list) > 0 {
		t.Errorf("the line to the desk was in trouble: %q", list)
	}
}

// TestRenewOverNewConnections: the same while every connection is cut every now and then and made
// anew. Whatever moment that is, each end takes the key that the other shows.
func TestRenewOverNewConnections(t *testing.T) {
	p := newPair(t, func(l net.Listener) net.Listener { return newBarrier(l, 40<<10) })
	p.onlyCuts(p.renewAll())
}

// onlyCuts fails when the line was in any other trouble than being cut.
func (p *pair) onlyCuts(troubles []string) {
	p.t.Helper()
	bad := []string{"tls:", "another key"}
	for _, about := range []error{feed.ErrPin, feed.ErrFork, feed.ErrKeys, feed.ProblemClient} {
		bad = append(bad, about.Error())
	}
	for _, what := range troubles {
		for _, word := range bad {
			if strings.Contains(what, word) {
				p.t.Errorf("the line to the desk was in trouble: %s", what)
			}
		}
	}
}

// TestRenewMeetsTheNewKeyFirst: the verifier is cut off at the moment a desk begins to use a new
// key, and the first it sees of the desk afterwards is that key. It knows it. A desk that is away
// keeps the follower's certificate from being switched, and is named.
func TestRenewMeetsTheNewKeyFirst(t *testing.T) {
	var g *barrier
	p := newPair(t, func(l net.Listener) net.Listener { g = newBarrier(l, 0); return g })
	p.until("the desk is followed", func() bool { return !p.status().Desks[0].Seen.IsZero() })
	watch, stop := context.WithCancel(t.Context())
	defer stop()
	seen := p.troubles(watch)
	for _, what := range []string{RenewFeed, RenewLog} {
		r := p.renewal()
		r.Say = func(line string) {
			if line == saidKnown {
				g.shut()
			}
		}
		if err := r.Run(t.Context(), what); err != nil {
			t.Fatal(err)
		}
		g.unshut()
		if err := p.once(t.Context(), "first-"+what, &traffic{}); err != nil {
			t.Errorf("after the key of the %s: %v", what, err)
		}
	}
	g.shut()
	p.order(verifier.RenewFollower, verifier.StepBegin)
	p.until("the verifier has tried", func() bool { return p.status().Desks[0].Trouble != "" })
	time.Sleep(2 * 250 * time.Millisecond)
	under := p.status().Keys.Renewals
	if len(under) != 1 || under[0].Stage != verifier.StageAnnounced || len(under[0].Waits) != 1 ||
		under[0].Waits[0] != "icto-1" {
		t.Errorf("while the desk is away the renewals are %+v", under)
	}
	g.unshut()
	p.until("the follower's certificate is renewed", func() bool {
		return len(p.status().Keys.Renewals) == 0
	})
	stop()
	p.onlyCuts(seen())
}

// renewAll renews every key there is, under traffic, and returns what was wrong with the line.
func (p *pair) renewAll() []string {
	t := p.t
	t.Helper()
	p.until("the desk is followed", func() bool { return !p.status().Desks[0].Seen.IsZero() })
	before := p.desk.keys.now()
	follower := p.verifier.InForce().FollowerPin
	sealing := feed.KeyID(p.verifier.InForce().VerifierKey)
	watch, stop := context.WithCancel(t.Context())
	defer stop()
	seen, tr := p.troubles(watch), p.traffic()
	some := func() {
		t.Helper()
		n := tr.issued.Load()
		p.until("traffic flows", func() bool { return tr.issued.Load() >= n+5 || tr.failed.Load() > 0 })
	}
	some()
	for _, what := range []string{RenewFeed, RenewLog, RenewDesk} {
		if err := p.renewal().Run(t.Context(), what); err != nil {
			t.Fatalf("renew %s: %v", what, err)
		}
		some()
	}
	if err := p.renewal().RunSite(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, renew := range []func(){p.renewFollower, p.renewAPI, p.renewCaller,
		func() { p.renewSealing(some) }} {
		renew()
		some()
	}
	tr.stop()
	stop()
	t.Logf("%d tokens issued and signed in with, %d failed; the slowest took %v", tr.issued.Load(),
		tr.failed.Load(), time.Duration(tr.slowest.Load()))
	after, now := p.desk.keys.now(), p.verifier.InForce()
	if after.LogKey == before.LogKey || deskKeyID(after.Desk) == deskKeyID(before.Desk) ||
		feed.Pin(after.Feed.Leaf) == feed.Pin(before.Feed.Leaf) || after.Site.Generation() != 2 ||
		now.FollowerPin == follower || feed.KeyID(now.VerifierKey) == sealing {
		t.Error("a key is the old one")
	}
	p.oldIsUseless(before, follower)
	return seen()
}

func (p *pair) renewFollower() {
	p.t.Helper()
	err := p.verifier.Renew(verifier.RenewOrder{What: verifier.RenewFollower, Step: verifier.StepBegin})
	if err != nil {
		p.t.Fatal(err)
	}
	p.until("the follower's certificate is renewed", func() bool {
		b := p.verifier.InForce()
		return b.NextFollowerPin+b.OldFollowerPin == "" && len(p.status().Keys.Renewals) == 0
	})
}

func (p *pair) order(what, step string) {
	p.t.Helper()
	if err := p.verifier.Renew(verifier.RenewOrder{What: what, Step: step}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) renewAPI() {
	p.t.Helper()
	p.order(verifier.RenewAPI, verifier.StepBegin)
	p.call("caller") // trusts both from now on
	p.order(verifier.RenewAPI, verifier.StepSwitch)
	p.order(verifier.RenewAPI, verifier.StepRetire)
	p.call("caller")
}

func (p *pair) renewCaller() {
	p.t.Helper()
	old := p.call("caller")
	p.call("caller2")
	if err := p.verifier.Renew(verifier.RenewOrder{What: verifier.RenewCaller,
		Step: verifier.StepRetire, Caller: "signin"}); err != nil {
		p.t.Fatal(err)
	}
	resp, err := old.Get(p.api + verifier.PathStatus)
	if err == nil {
		_ = resp.Body.Close()
		p.t.Error("the old certificate of the caller still calls")
	}
}

// renewSealing: the old key is not given up while something sealed to it may still come.
func (p *pair) renewSealing(some func()) {
	p.t.Helper()
	p.order(verifier.RenewSealing, verifier.StepBegin)
	retire := verifier.RenewOrder{What: verifier.RenewSealing, Step: verifier.StepRetire}
	err := p.verifier.Renew(retire)
	if err == nil || !strings.Contains(err.Error(), "icto-1") {
		p.t.Errorf("the old sealing key was given up while the desk seals to it: %v", err)
	}
	p.until("the desk seals to the new key", func() bool {
		return p.desk.keys.Bundle().Fingerprint() == p.verifier.InForce().Fingerprint()
	})
	some()
	p.ahead.Store(int64(time.Hour))
	p.until("nothing sealed to the old key can come", func() bool {
		return p.verifier.Renew(retire) == nil
	})
}

// oldIsUseless tries every key that was renewed.
func (p *pair) oldIsUseless(before Keys, follower string) {
	p.t.Helper()
	if p.desk.keys.Admits(follower) {
		p.t.Error("the desk still lets the old follower in")
	}
	checkpoint, err := p.desk.store.Checkpoint(p.desk.store.Head())
	if err != nil {
		p.t.Fatal(err)
	}
	old, err := note.NewVerifier(before.LogKey)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := feed.OpenCheckpoint(checkpoint, old); err == nil {
		p.t.Error("the log is still signed by the old key")
	}
	card := p.deskCard()
	if card.SignsWith(before.LogKey) || len(card.TLSPins()) != 1 ||
		card.TLSPin == feed.Pin(before.Feed.Leaf) {
		p.t.Errorf("the desk is still known by an old key: %+v", card)
	}
	p.stopDesk()
	_, keys, err := openStore(p.t.Context(), Parts{Config: p.config, Clock: trustedClock{},
		Keys: Keys{Desk: before.Desk, Log: before.Log}}, nil, nil)
	if err == nil || keys.Log == nil {
		p.t.Error("the old key still opens the store")
	}
	p.startDesk()
	if err := p.once(p.t.Context(), "after", &traffic{}); err != nil {
		p.t.Errorf("after a restart: %v", err)
	}
}

// deskCard is what the verifier knows the desk by, as the desk says it.
func (p *pair) deskCard() feed.DeskCard {
	p.t.Helper()
	card, err := p.client.Card(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return card
}

// TestRenewWaitsForTheVerifier: no key comes into use that the verifier does not know; the renewal
// goes on where it was cut short, over a restart.
func TestRenewWaitsForTheVerifier(t *testing.T) {
	c, bundle, card := newDesk(t)
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, config: c, clock: trustedClock{}, client: NewClient(c.Admin)}
	p.config.FeedURL = "https://127.0.0.1:0"
	p.startDesk()
	for _, what := range []string{RenewFeed, RenewLog} {
		r := p.renewal()
		r.Patience = 0
		for range 2 {
			if err := r.Run(t.Context(), what); err != ErrVerifierAway {
				t.Errorf("renew %s without a verifier: %v", what, err)
			}
		}
		state, err := p.client.RenewState(t.Context(), what)
		if err != nil || state.Beside == "" || state.Taken {
			t.Errorf("%s: %+v, %v", what, state, err)
		}
		use := state.Use
		p.stopDesk()
		p.startDesk()
		if state, err = p.client.RenewState(t.Context(), what); err != nil || state.Use != use ||
			state.Beside == "" {
			t.Errorf("%s after a restart: %+v, %v", what, state, err)
		}
		p.hurry(what)
	}
}

// hurry orders the switch that the operator's command would not.
func (p *pair) hurry(what string) {
	p.t.Helper()
	name := map[string]string{RenewFeed: credFeed, RenewLog: credLog}[what]
	text, err := p.config.keyFiles().read(name)
	if err != nil {
		p.t.Fatal(err)
	}
	k := splitKeys(text)
	if k.word != wordNext {
		p.t.Fatalf("the credential %s is in form %q", name, k.word)
	}
	for _, form := range []keyText{{k.second, k.first, wordOld}, {first: k.second}} {
		if _, err := p.client.Renew(p.t.Context(), what, RenewOrder{Credential: form.join()}); err == nil {
			p.t.Errorf("%s: a key the verifier does not know came into use", what)
		}
	}
}
