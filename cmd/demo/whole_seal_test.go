package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/visit"
)

// liar seals another seed than the one that is written.
type liar struct {
	visit.Sealer
	lie func(seed []byte)
}

func (l liar) SealSeed(r feed.Record, b feed.SeedBody) (feed.Record, error) {
	seed := b.Seed.Expose()
	l.lie(seed)
	b.Seed = secret.NewSeed(seed)
	return l.Sealer.SealSeed(r, b)
}

// crooked is a second desk of the same site, with a sealer of its own and no screen.
type crooked struct {
	t      *testing.T
	store  *store.Store
	runner *visit.Runner
	bench  *yubikey.Bench
	feed   *publish.Server
	bus    *virtual.Bus
	key    *virtual.Key
	site   provisioning.Site
	visit  provisioning.VisitID
	op     int
}

// newCrooked makes a desk that lies to the verifier of the stage, and lets the verifier follow it.
func newCrooked(t *testing.T, st *stage, name string, lie func([]byte)) *crooked {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := daemon.Config{PINAlone: true, Desk: name, Site: st.site.ID, State: dir,
		Credentials: filepath.Join(dir, "credentials"), Verifier: filepath.Join(dir, "verifier.json"),
		FeedURL: "https://" + listener.Addr().String()}
	card := filepath.Join(t.TempDir(), "card.json")
	if _, err := daemon.Init(config, st.central.bundle(), card); err != nil {
		t.Fatal(err)
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.central.trust(card, config.FeedURL); err != nil {
		t.Fatal(err)
	}
	c := &crooked{t: t, site: st.site, key: virtual.New(virtual.Options{Serial: 17390190})}
	c.store, err = store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "desk.db"),
		Key: keys.Desk, Desk: provisioning.DeskID(name), Signer: keys.Log,
		Clock: daemon.SystemClock{}.Now, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	clerk := provisioning.Officer{ID: "clerk", Name: "Clerk"}
	now := func() (time.Time, bool) { return st.clock.Now(), true }
	err = officer.New(c.store, provisioning.DeskID(name), now, officer.Tokens{}).Add(t.Context(),
		"operator:demo", clerk, secret.NewPIN("270418"))
	if err != nil {
		t.Fatal(err)
	}
	bundle := c.wire(st, config, keys, lie)
	c.run(tls.NewListener(listener, publish.TLSConfig(keys.Feed, bundle.FollowerPin)))
	return c
}

// wire puts the desk together as the daemon does.
func (c *crooked) wire(
	st *stage, config daemon.Config, keys daemon.Keys, lie func([]byte),
) feed.Bundle {
	c.t.Helper()
	data, err := os.ReadFile(config.Verifier)
	if err != nil {
		c.t.Fatal(err)
	}
	bundle, err := feed.DecodeBundle(data)
	if err != nil {
		c.t.Fatal(err)
	}
	honest, err := feed.NewSealer(bundle)
	if err != nil {
		c.t.Fatal(err)
	}
	c.bus = virtual.NewBus(c.key)
	c.bench = yubikey.NewBench(c.bus, yubikey.Options{})
	c.runner, err = visit.New(visit.Config{Ledger: c.store, Bench: c.bench, Codes: keys.Site,
		Sealer: liar{honest, lie}, Site: c.site, Desk: provisioning.DeskID(config.Desk),
		Clock: st.clock, Log: st.log})
	if err != nil {
		c.t.Fatal(err)
	}
	c.feed, err = publish.New(publish.Config{Source: c.store, Acks: c.runner, Log: st.log,
		Meta: func() feed.Meta {
			return feed.Meta{Version: feed.Version, Desk: config.Desk, Site: c.site.ID,
				Feed: c.store.Feed(), Head: c.store.Head(), LogKey: keys.LogKey,
				Clock: st.clock.Now(), Synced: true}
		}})
	if err != nil {
		c.t.Fatal(err)
	}
	return bundle
}

// run runs the parts until the test ends.
func (c *crooked) run(listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = c.bench.Run(ctx) })
	parts.Go(func() { _ = c.runner.Run(ctx) })
	parts.Go(func() { _ = c.feed.Serve(ctx, listener) })
	c.t.Cleanup(func() {
		cancel()
		parts.Wait()
		_ = c.store.Close()
	})
}

// do gives one order to the rules.
func (c *crooked) do(command provisioning.Command) {
	c.t.Helper()
	c.op++
	id, err := c.runner.Do(c.t.Context(), provisioning.Order{By: "clerk",
		Op: provisioning.OpID(rune('a' + c.op)), Visit: c.visit, Command: command})
	if err != nil {
		c.t.Fatalf("%T: %v", command, err)
	}
	c.visit = id
}

// reaches waits until the visit is as wanted.
func (c *crooked) reaches(what string, wanted func(provisioning.Visit) bool) provisioning.Visit {
	c.t.Helper()
	v, ok := c.await(enough, wanted)
	if !ok {
		c.t.Fatalf("%s: the visit stays at %s, %s, %s", what, v.Step, v.Progress, v.Problem)
	}
	return v
}

func (c *crooked) await(
	patience time.Duration, wanted func(provisioning.Visit) bool,
) (provisioning.Visit, bool) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		changed := c.store.Changed()
		v, _ := provisioning.Get[provisioning.Visit](c.store.Snapshot(), string(c.visit))
		if wanted(v) {
			return v, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, false
		}
	}
}

// lend leads a loan to its verdict.
func (c *crooked) lend(p provisioning.Person) provisioning.Visit {
	c.t.Helper()
	c.do(provisioning.Open{Person: p})
	c.do(provisioning.Confirm{Evidence: provisioning.EvidencePassport})
	c.do(provisioning.Choose{Errand: provisioning.ErrandLoan})
	c.do(provisioning.Ask{Reason: "phone_unsupported", PhoneSeen: true})
	c.bus.Plug(c.key)
	c.reaches("plug", func(v provisioning.Visit) bool { return v.Step == provisioning.StepCheck })
	c.do(provisioning.Turn{Away: true})
	c.do(provisioning.Agree{Terms: c.site.Terms})
	c.do(provisioning.Turn{Away: false})
	c.do(provisioning.Write{})
	v := c.reaches("write", func(v provisioning.Visit) bool {
		return v.Progress == provisioning.ProgressTouch || v.Step == provisioning.StepProblem
	})
	if v.Step == provisioning.StepProblem {
		return v // the verifier looks at a seed before it has a proof
	}
	return c.touched()
}

// touched touches the token until it is proven, and waits for what the verifier makes of it.
func (c *crooked) touched() provisioning.Visit {
	c.t.Helper()
	for proven := false; !proven; {
		if _, err := c.key.Touch(c.site.Slot); err != nil {
			c.t.Fatal(err)
		}
		_, proven = c.await(2*time.Second, func(v provisioning.Visit) bool {
			return v.Progress != provisioning.ProgressTouch
		})
	}
	return c.reaches("verdict", func(v provisioning.Visit) bool {
		return v.Step == provisioning.StepDone || v.Step == provisioning.StepProblem
	})
}

// TestWholeLyingDesk: a desk that seals zeros, or a seed that is wrong by one bit, never gets a
// token registered. The same desk gets there when it tells the truth.
func TestWholeLyingDesk(t *testing.T) {
	t.Parallel()
	for _, desk := range []struct {
		name  string
		lie   func([]byte)
		step  provisioning.Step
		code  provisioning.Code
		state provisioning.CredentialState
	}{
		{"zeros", func(seed []byte) { clear(seed) }, provisioning.StepProblem,
			provisioning.CodeVerdictRefused, provisioning.CredentialDoubtful},
		{"bit", func(seed []byte) { seed[19] ^= 1 }, provisioning.StepProblem,
			provisioning.CodeVerdictNoMatch, provisioning.CredentialDoubtful},
		{"truth", func([]byte) {}, provisioning.StepDone, "", provisioning.CredentialActive},
	} {
		t.Run(desk.name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, settings{site: "um"}, nil)
			p := w.person("CHAN")
			c := newCrooked(t, w.stage, "um-"+desk.name, desk.lie)
			v := c.lend(p)
			if v.Step != desk.step || v.Problem != desk.code {
				t.Errorf("the loan ends at %s, %s", v.Step, v.Problem)
			}
			row, _ := provisioning.Get[provisioning.Credential](c.store.Snapshot(),
				string(v.Credential))
			if row.State != desk.state {
				t.Errorf("the credential is %s, want %s", row.State, desk.state)
			}
			honest := desk.state == provisioning.CredentialActive
			if n := w.held("active"); (n == 1) != honest {
				t.Errorf("%d credentials are active at the verifier", n)
			}
			otp, err := c.key.Touch(w.site.Slot)
			if !honest && errors.Is(err, virtual.ErrSilent) {
				return // refused before the token was even written
			}
			if err != nil {
				t.Fatal(err)
			}
			w.signIn(p, otp, honest)
		})
	}
}
