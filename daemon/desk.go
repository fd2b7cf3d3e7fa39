package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/printer"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/mailbox"
	"github.com/tokendesk/tokendesk/provisioning/notice"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/visit"
	"github.com/tokendesk/tokendesk/systemd"
)

// Parts are what a desk is made of. The appliance and the demonstration differ in these alone.
type Parts struct {
	Config Config
	Keys   Keys
	Site   provisioning.Site
	// Bus is where tokens are plugged in; Tokens says which of them may be opened.
	Bus    devices.Bus
	Tokens yubikey.Options
	// ReaderBus is where the card readers of the configuration are plugged in; Readers are sources of
	// taps beside them.
	ReaderBus devices.ReaderBus
	Readers   []devices.TapSource
	Clock     Clock
	Log       *slog.Logger
	// Listeners are sockets made by somebody else, by name: "desk", "feed", "self" and "admin".
	// Missing ones are made from the configuration. An operator is known by the kernel's word alone,
	// so that nobody gives orders on an "admin" that is no Unix socket.
	Listeners map[string]net.Listener
	// Fatal hears, once, that a durable write failed. The screens are told after it returns, and Run
	// ends with the error.
	Fatal func(error)
	// commit stands around each commit. Tests set it.
	commit func(func() error) error
}

// Desk is one appliance, open and wired.
type Desk struct {
	parts    Parts
	log      *slog.Logger
	store    *store.Store
	bench    *yubikey.Bench
	visits   *visit.Runner
	officers *officer.Officers
	people   people
	feed     *publish.Server
	kiosk    *kiosk.Server
	self     *kiosk.Self
	readers  *devices.TapSet
	printer  printer.Printer
	notices  *notice.Runner
	mailbox  *mailbox.Poller
	metrics  metrics
	keys     *keyring
	// renewing is held while a key is renewed: one step at a time. It guards renewed, the credentials
	// that this run was given since they were read: a backup holds those.
	renewing sync.Mutex
	renewed  map[string]secret.Key
	// fileEnds and protected are what was seen of certificates and of how the keys are kept.
	fileEnds  fileEnds
	protected systemd.Protection
	// opened hears when an officer unlocks the desk.
	opened chan struct{}
	// backing is held by the backup under way; instance is this run of the program.
	backing  sync.Mutex
	instance feed.Instance
	broken   broken
}

// Open opens a desk that exists and wires it; nothing runs yet. It refuses what is missing or
// broken with an error that says what to do.
func Open(ctx context.Context, p Parts) (d *Desk, err error) {
	if _, err = readBundle(p.Config.Verifier); err != nil {
		return nil, err
	}
	p.Site.Touch = !p.Config.PINAlone
	d = &Desk{parts: p, log: p.Log, opened: make(chan struct{}, 1), metrics: newMetrics(),
		renewed: map[string]secret.Key{}, instance: newInstance(p.Clock), protected: protection(),
		broken: broken{over: make(chan struct{})}}
	if d.people, err = openPeople(p); err != nil {
		return nil, err
	}
	if d.store, d.parts.Keys, err = openStore(ctx, p, d.commit, d.fail); err != nil {
		return nil, err
	}
	d.metrics.registry.MustRegister(figures{d})
	if err := d.openKeys(ctx); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	d.bench = yubikey.NewBench(p.Bus, p.Tokens)
	d.officers = officer.New(d.store, provisioning.DeskID(p.Config.Desk), d.clock, d.tokens())
	if err := d.wire(); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	return d, nil
}

// clock is how packages below take the time.
func (d *Desk) clock() (time.Time, bool) { return d.parts.Clock.Now(), d.parts.Clock.Synced() }

// tokens are how officers' own tokens are reached: on the bench, like all others.
func (d *Desk) tokens() officer.Tokens {
	t := officer.Tokens{Bench: d.bench, PINAlone: d.parts.Config.PINAlone,
		KeepForeign: d.parts.Site.KeepForeign}
	if d.parts.Site.AccessCodes {
		t.Codes = d.keys
	}
	return t
}

func (d *Desk) wire() (err error) {
	p := d.parts
	d.visits, err = visit.New(visit.Config{Ledger: d.store, Bench: d.bench, Sealer: d.keys,
		Codes: d.keys, Site: p.Site, Desk: provisioning.DeskID(p.Config.Desk), Clock: p.Clock,
		Log: p.Log, Followed: d.followed})
	if err != nil {
		return err
	}
	if err := d.wireNotices(); err != nil {
		return err
	}
	d.feed, err = publish.New(publish.Config{Source: d.store, Acks: d.visits, Site: d.visits,
		Meta: d.meta, Renewals: renewals{d.keys, d}, Told: d, Log: p.Log})
	if err != nil {
		return err
	}
	if d.readers, err = openReaders(p); err != nil {
		return err
	}
	k := kiosk.Config{Visits: d.visits, Officers: gate{d.officers, d.opened}, People: d.people,
		Health: d, Reader: d.readers, Passcodes: d.visits, Site: p.Site, Desk: p.Config.Desk,
		Clock: p.Clock.Now, Logger: p.Log, Journal: d, Mailbox: d.mailbox != nil}
	if k.Requests, err = d.mailRequests(); err != nil {
		return err
	}
	if d.printer, err = p.Config.Printer.open(); err != nil {
		return err
	}
	if d.printer != nil {
		k.Printer = d.printer
	}
	if d.kiosk, err = kiosk.New(k); err != nil {
		return err
	}
	return d.wireSelf(k)
}

func readBundle(path string) (feed.Bundle, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return feed.Bundle{}, fmt.Errorf("read the verifier's bundle (verifierd init makes it, "+
			"tokendesk init puts it in place): %w", err)
	}
	return feed.DecodeBundle(data)
}

// Officers are the officers of the desk, for the demonstration's first one.
func (d *Desk) Officers() *officer.Officers { return d.officers }

// Snapshot is the newest committed state.
func (d *Desk) Snapshot() provisioning.Snapshot { return d.store.Snapshot() }

// Plugs are the tokens the desk has noticed and not seen leave, in the order of plugging.
func (d *Desk) Plugs() []provisioning.Plug { return d.visits.Plugs() }

// meta describes the feed.
func (d *Desk) meta() feed.Meta {
	now, synced := d.clock()
	s := d.store.Snapshot()
	v, _ := provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	return feed.Meta{Instance: d.instance, Halted: provisioning.StandingOf(s).Halt != "",
		Version: feed.Version, Desk: d.parts.Config.Desk, Site: d.parts.Site.ID,
		Feed: d.store.Feed(), Head: s.Position(), Acked: v.Acked, LogKey: d.keys.now().LogKey,
		Clock: now, Synced: synced}
}

// verifierPatience is how long a verifier may be silent and count as up: it calls again at the end
// of each long poll of 30 s.
const verifierPatience = 45 * time.Second

// Health implements kiosk.Health.
func (d *Desk) Health(ctx context.Context) provisioning.Health {
	now, synced := d.clock()
	s := d.store.Snapshot()
	v, _ := provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	h := provisioning.Health{VerifierSeen: v.LastSeen, DirectoryUp: d.people.Up(ctx),
		ClockSynced: synced, Behind: max(0, d.store.FeedHead()-v.Acked)}
	h.Endings, h.Protection = d.endings(), string(d.protected)
	if seen := d.feed.Seen(); !seen.IsZero() {
		h.VerifierSeen = seen.UTC()
		h.VerifierUp = d.followed()
	}
	h.Standing = provisioning.StandingOf(s).Refusal()
	h.BackupTrouble = provisioning.BackupOf(s).Trouble(now)
	if now.Before(h.VerifierSeen) {
		h.VerifierSeen = now
	}
	for range provisioning.Find[provisioning.Token](s, provisioning.ByState,
		string(provisioning.TokenStock)) {
		h.TokensInDrawer++
	}
	return h
}

// followed says whether the verifier is there now, and follows this desk.
func (d *Desk) followed() bool {
	if provisioning.StandingOf(d.store.Snapshot()).Refusal() != nil {
		return false
	}
	seen := d.feed.Seen()
	return !seen.IsZero() && time.Since(seen) < verifierPatience
}

// Status is what the operator asks for.
func (d *Desk) Status(ctx context.Context) (Status, error) {
	h, s := d.Health(ctx), d.store.Snapshot()
	v, _ := provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	status := Status{Desk: d.parts.Config.Desk, Site: d.parts.Site.ID, Feed: d.store.Feed(),
		Position: s.Position(), Acked: v.Acked, VerifierUp: h.VerifierUp, VerifierSeen: h.VerifierSeen,
		DirectoryUp: h.DirectoryUp, ClockSynced: h.ClockSynced, Doubtful: doubtful(s),
		Printer: d.printerState(ctx), Readers: readerRows(d.readers)}
	for range provisioning.All[provisioning.Token](s) {
		status.Tokens++
	}
	for range provisioning.Find[provisioning.Loan](s, provisioning.ByState, string(provisioning.LoanOpen)) {
		status.OpenLoans++
	}
	for range provisioning.All[provisioning.Passcode](s) {
		status.Passcodes++
	}
	status.NoticesWaiting = provisioning.WaitingNotices(s)
	status.NoticesDead, status.Requests = len(provisioning.DeadNotices(s)), len(provisioning.Requests(s))
	status.Tasks = len(provisioning.Tasks(s))
	status.Ends, status.Protection = d.endRows(), d.protected
	status.Epoch, _ = d.store.Epoch()
	status.Standing, status.Backup = sayStanding(provisioning.StandingOf(s)), d.backupStatus()
	checkpoint, err := d.store.Checkpoint(s.Position())
	status.Checkpoint = string(checkpoint)
	return status, err
}

// doubtful are the serials of the tokens nobody may rely on; what was not wiped for sure is one,
// too.
func doubtful(s provisioning.Snapshot) []string {
	serials := []string{}
	for _, d := range provisioning.Doubtful(s) {
		serials = append(serials, d.Token.Serial)
	}
	return serials
}
