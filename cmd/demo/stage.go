package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/cmd/demo/workbench"
	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// stage is everything the demonstration keeps running.
type stage struct {
	settings settings
	log      *slog.Logger
	site     provisioning.Site
	people   []sample
	clock    *switchedClock
	tokens   *virtual.Bus
	names    map[uint32]string
	reader   *cardSlot
	usb      *usb.Bus
	central  *central
	desk     *daemon.Desk
	bench    net.Listener
	screen   net.Listener
	feed     net.Listener
	pin      string
	// paper is the virtual printer, at port.
	paper *virtual.Paper
	// post is the post office, self the unattended view's socket.
	post *postOffice
	self net.Listener
	port net.Listener
	// operator is the admin socket, if it is not the one of the configuration.
	operator net.Listener
}

// officers of the demonstration, by the sample person they are.
var officers = []struct {
	id         provisioning.OfficerID
	supervisor bool
}{{"help", false}, {"lead", true}}

func newStage(ctx context.Context, s settings, log *slog.Logger) (st *stage, err error) {
	st = &stage{settings: s, log: log, clock: newSwitchedClock(), usb: usb.New(),
		paper: virtual.NewPaper(paperWidth)}
	made := st
	defer func() {
		if err != nil {
			made.close()
		}
	}()
	if st.site, err = provisioning.LoadSite(s.site); err != nil {
		return nil, err
	}
	if st.reader, err = newCardSlot(); err != nil {
		return nil, err
	}
	// Guarding the slots of somebody's own token with a secret that is gone tomorrow would lock it.
	st.site.AccessCodes = st.site.AccessCodes && (s.kept || s.real == "")
	st.site.KeepForeign = s.real != ""
	if st.post, err = newPostOffice(s.state); err != nil {
		return nil, err
	}
	st.people = people(s.site, st.clock.Now())
	for i := range st.people {
		st.people[i].Lang = cmp.Or(s.lang, st.people[i].Lang)
	}
	if st.tokens, st.names, err = makeTokens(s.state); err != nil {
		return nil, err
	}
	if err := st.listen(); err != nil {
		return nil, err
	}
	if st.central = s.central; st.central == nil {
		if st.central, err = newCentral(s, log); err != nil {
			return nil, err
		}
	}
	if err := st.openDesk(ctx); err != nil {
		return nil, err
	}
	return st, st.letIn(ctx)
}

func (st *stage) listen() (err error) {
	for _, socket := range []struct {
		address string
		at      *net.Listener
	}{{st.settings.desk, &st.screen}, {st.settings.feed, &st.feed}, {st.settings.bench, &st.bench},
		{st.settings.self, &st.self}, {"127.0.0.1:0", &st.port}} {
		if *socket.at, err = st.settings.net.Listen(socket.address); err != nil {
			return err
		}
	}
	return nil
}

// config is the desk's configuration: everything under one folder, beside the verifier's.
func (st *stage) config() (daemon.Config, error) {
	dir := filepath.Join(st.settings.state, "desk")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return daemon.Config{}, err
	}
	file, portraits, err := writePeople(dir, st.people)
	if err != nil {
		return daemon.Config{}, err
	}
	c := daemon.Config{Desk: cmp.Or(st.settings.id, "demo-1"), Site: st.settings.site, State: dir,
		Credentials: filepath.Join(dir, "credentials"), Directory: file, Portraits: portraits,
		Verifier: filepath.Join(dir, "verifier.json"), Listen: st.settings.desk,
		Feed: st.settings.feed, FeedURL: "https://" + st.feed.Addr().String(),
		Admin: filepath.Join(dir, "admin.sock"), PINAlone: true,
		Self: daemon.SelfConfig{Listen: st.settings.self}}
	if st.port != nil {
		c.Printer, c.Self.Print = printer(st.port), true
	}
	if st.post != nil {
		c.Mail, c.SMS, c.Mailbox = st.post.mail(), st.post.gateway(), st.post.mailbox()
	}
	return c, nil
}

func (st *stage) openDesk(ctx context.Context) error {
	config, err := st.config()
	if err != nil {
		return err
	}
	card := filepath.Join(config.State, "card.json")
	if _, err := os.Stat(card); errors.Is(err, fs.ErrNotExist) {
		if _, err := daemon.Init(config, st.central.bundle(), card); err != nil {
			return err
		}
	}
	if err := st.central.trust(card, config.FeedURL); err != nil {
		return err
	}
	if err := st.post.credential(config.Credentials); err != nil {
		return err
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		return err
	}
	st.desk, err = daemon.Open(ctx, daemon.Parts{Config: config, Keys: keys, Site: st.site,
		Bus:     st.bus(),
		Readers: []devices.TapSource{st.reader}, Clock: st.clock, Log: st.log,
		Tokens: yubikey.Options{OnlySerial: st.settings.real,
			MayOpen: func(i devices.Info) bool { return !isReal(i) || st.settings.real != "" }},
		Listeners: st.sockets(),
		Fatal: func(err error) {
			st.log.Error("a durable write failed; the demonstration stops", "err", err)
		}})
	return err
}

// sockets are the desk's own, by name.
func (st *stage) sockets() map[string]net.Listener {
	list := map[string]net.Listener{"desk": st.screen, "feed": st.feed, "self": st.self}
	if st.operator != nil {
		list["admin"] = st.operator
	}
	return list
}

// letIn makes the officers, with a PIN that is drawn anew at every start and shown.
func (st *stage) letIn(ctx context.Context) error {
	for i, o := range officers {
		who := st.people[len(st.people)-len(officers)+i]
		row := provisioning.Officer{ID: o.id, Name: who.Name, Person: who.ID, Supervisor: o.supervisor}
		if err := st.letOneIn(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

func (st *stage) letOneIn(ctx context.Context, row provisioning.Officer) error {
	for {
		if st.pin == "" {
			st.pin = drawPIN()
		}
		pin := secret.NewPIN(st.pin)
		err := st.desk.Officers().Add(ctx, "operator:demo", row, pin)
		if errors.Is(err, provisioning.Refuse(officer.CodeTaken)) {
			err = st.desk.Officers().SetPIN(ctx, "operator:demo", row.ID, pin)
		}
		if errors.Is(err, provisioning.Refuse(officer.CodePINWeak)) {
			st.pin = ""
			continue
		}
		return err
	}
}

func drawPIN() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // the system's randomness never fails
	}
	return fmt.Sprintf("%06d", n)
}

func (st *stage) announce(out io.Writer) {
	fmt.Fprintf(out, `
Token desk, a demonstration on sample data
  the counter's screen   http://%s
  the workbench          http://%s
  without an officer     http://%s
  the feed               https://%s   (the verifier pulls it)
  the verifier           https://%s   (mutual TLS)
  the officer's PIN      %s

  1. Open the counter's screen, choose the officer and enter the PIN.
  2. On the workbench, lay a card on the reader; lend a token: plug it in, then touch it.
  3. Sign in on the workbench with the next OTP the token types. The same OTP works once.
  4. Lend the other officer a token, unlock as that officer, and make it a key: "Your own token". From
     then on it is plugged in and touched to unlock, and to undo a loan.
  5. Or lay a card down and issue a passcode: the person reads it off the turned screen, and it signs
     in on the workbench as often as it may.
  6. Send a request from the workbench's post and answer it at the counter; or recover access without
     an officer: the password of everybody is "demo password". The workbench shows what is mailed.
`, st.screen.Addr(), st.bench.Addr(), st.self.Addr(), st.feed.Addr(), st.central.listener.Addr(), st.pin)
}

func (st *stage) run(ctx context.Context) error {
	bench := workbench.New(workbench.Config{Bus: st.tokens, Names: st.names, Reader: st.reader,
		Cards: st.cards(), SignIn: st.central.signIn, DeskURL: "http://" + st.screen.Addr().String(),
		Switches: []workbench.Switch{{Name: "verifier", Label: "Sign-in service", On: "It is connected.",
			Off: "It is cut off.", Get: st.central.connected, Set: st.central.connect},
			{Name: "clock", Label: "Clock of the desk", On: "It is synchronised.",
				Off: "It is not synchronised, as after a night without power.",
				Get: st.clock.Synced, Set: st.clock.synced.Store}, st.paperSwitch(),
			{Name: "post", Label: "Post office", On: "It is open.",
				Off: "It is shut: nothing is taken.",
				Get: func() bool { return !st.post.Closed() },
				Set: func(open bool) { st.post.setClosed(!open) }}},
		Paper: st.paper, Post: st.post, SelfURL: "http://" + st.self.Addr().String()})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return st.desk.Run(ctx) })
	if st.settings.central == nil {
		group.Go(func() error { return st.central.run(ctx) })
	}
	group.Go(func() error { return st.paper.Serve(ctx, st.port) })
	group.Go(func() error { return st.post.run(ctx) })
	group.Go(func() error { return serveHTTP(ctx, st.bench, bench.Handler()) })
	return group.Wait()
}

func (st *stage) cards() []workbench.Card {
	list := make([]workbench.Card, len(st.people))
	for i, p := range st.people {
		list[i] = workbench.Card{Name: p.Name, Native: p.Native, NativeLang: p.NativeLang,
			Role: p.Role, Number: p.Card, Account: p.Account, Head: head(knows[p.ID].identityCard)}
	}
	return list
}

// head is what an identity card begins with.
func head(card string) string { return card[:min(4, len(card))] }

func (st *stage) close() {
	if st.post != nil {
		st.post.close()
	}
	for _, l := range []net.Listener{st.screen, st.feed, st.bench, st.port, st.self} {
		if l != nil {
			_ = l.Close()
		}
	}
	if st.central != nil && st.settings.central == nil {
		st.central.close()
	}
	if st.usb != nil {
		_ = st.usb.Close()
	}
}

// serveHTTP answers on a listener until ctx ends.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// switchedClock is the system's time with a switch for whether it can be trusted.
type switchedClock struct {
	daemon.SystemClock
	synced atomic.Bool
}

func newSwitchedClock() *switchedClock {
	c := &switchedClock{}
	c.synced.Store(true)
	return c
}

// Synced implements daemon.Clock.
func (c *switchedClock) Synced() bool { return c.synced.Load() }
