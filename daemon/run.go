package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/daemon/porter"
	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/systemd"
)

// The names of the sockets, as the units give them.
const (
	socketDesk  = "desk"
	socketFeed  = "feed"
	socketSelf  = "self"
	socketAdmin = "admin"
)

// The limits of a server. Streams, and the operator's long orders, put off the deadlines themselves,
// and the kiosk ends the streams at shutdown. A browser's head is below 4 KiB.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	idleTimeout   = 30 * time.Second
	writeTimeout  = time.Minute
	stopTimeout   = 5 * time.Second
	maxHeader     = 16 << 10
	// maxConnections are held on each socket: screens have a stream each, and there is one verifier.
	maxConnections = 512
)

// Run opens the sockets, settles what a crash left, tells systemd that the desk is ready, and
// serves until ctx ends. Then it stops in reverse: no new request, no new hardware act, a last
// checkpoint.
func (d *Desk) Run(ctx context.Context) error {
	sockets, err := d.listen()
	if err != nil {
		return errors.Join(err, d.store.Close())
	}
	if err := d.notices.Begin(ctx); err != nil {
		return d.giveUp(ctx, sockets.screen, fmt.Errorf("see to the notices: %w", err))
	}
	if err := d.visits.Recover(ctx); err != nil {
		return d.giveUp(ctx, sockets.screen, fmt.Errorf("settle what the last run left: %w", err))
	}
	if err := d.begin(ctx); err != nil {
		return d.giveUp(ctx, sockets.screen, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for name, run := range map[string]func(context.Context) error{
		"bench":  d.bench.Run,
		"visits": d.visits.Run,
		"kiosk":  d.kiosk.Run,
		"reader": d.runReaders,
		"screen": func(ctx context.Context) error { return d.serve(ctx, sockets.screen, d.kiosk.Handler()) },
		"self":   func(ctx context.Context) error { return d.serveSelf(ctx, sockets.self) },
		"forget": d.tendSelf,
		"feed":   func(ctx context.Context) error { return d.feed.Serve(ctx, sockets.feed) },
		"admin": func(ctx context.Context) error {
			return d.serve(ctx, sockets.admin, admin{d}.handler())
		},
		"watchdog": func(ctx context.Context) error { return systemd.Watchdog(ctx, d.check) },
		"prune":    d.prune,
		"ends":     d.warnEnds,
		"people":   d.people.Run,
		"officers": d.keepStaff,
		"notices":  d.notices.Run,
		"mailbox":  d.readMailbox,
		"disk":     d.untilBroken,
		"erased":   d.eraser().Run,
		"herald":   d.herald,
	} {
		group.Go(func() error {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	d.log.Info("the desk is open", "desk", d.parts.Config.Desk, "site", d.parts.Site.ID,
		"screen", sockets.screen.Addr().String(), "feed", sockets.feed.Addr().String())
	d.sayDoubts()
	if err := systemd.Ready(); err != nil {
		d.log.Warn("systemd was not told that the desk is ready", "err", err)
	}
	err = group.Wait()
	_ = systemd.Stopping()
	return errors.Join(err, d.store.Close())
}

// sayDoubts tells the journal how many tokens nobody can vouch for.
func (d *Desk) sayDoubts() {
	if n := len(provisioning.Doubtful(d.store.Snapshot())); n > 0 {
		d.log.Warn("tokens are in doubt", "DOUBTFUL", n, systemd.TokensDoubtful.Attr())
	}
}

type sockets struct{ screen, feed, admin, self net.Listener }

func (d *Desk) listen() (s sockets, err error) {
	screen, err := d.socket(socketDesk, d.parts.Config.Listen)
	if err != nil {
		return s, err
	}
	plain, err := d.socket(socketFeed, d.parts.Config.Feed)
	if err != nil {
		return s, errors.Join(err, screen.Close())
	}
	operator, given := d.parts.Listeners[socketAdmin]
	if !given {
		operator, err = listenAdmin(d.parts.Config.Admin)
	}
	if err != nil {
		return s, errors.Join(err, screen.Close(), plain.Close())
	}
	secure := tls.NewListener(plain, publish.RenewableTLS(d.keys.certificate, renewals{d.keys, d}))
	self, err := d.listenSelf()
	if err != nil {
		return s, errors.Join(err, screen.Close(), plain.Close(), operator.Close())
	}
	return sockets{screen, secure, porter.New(operator, maxConnections), self}, nil
}

func (d *Desk) socket(name, address string) (net.Listener, error) {
	if given, ok := d.parts.Listeners[name]; ok {
		return porter.New(given, maxConnections), nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the %s socket: %w", name, err)
	}
	return porter.New(listener, maxConnections), nil
}

// serve answers HTTP on a listener until ctx ends.
func (d *Desk) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout,
		ReadTimeout: readTimeout, IdleTimeout: idleTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		ErrorLog: log.New(complaints{d.log}, "", 0), ConnContext: withOperator,
		ConnState: porter.State}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-done
	return err
}

// check is the self-check behind the watchdog: the writer is alive, memory answers, and the newest
// leaf can be read back from the file.
func (d *Desk) check(ctx context.Context) error {
	if d.store.Compacting() {
		return nil // the writer waits for the file to be written anew, which has an end
	}
	_, err := d.store.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Change{}, errProbe
	})
	if !errors.Is(err, errProbe) {
		return fmt.Errorf("the store's writer: %w", err)
	}
	head := d.store.Head()
	if head == 0 {
		return nil
	}
	_, err = d.store.Leaves(ctx, head-1, 1)
	return err
}

// errProbe is what the self-check refuses with, so that nothing is written.
var errProbe = errors.New("a probe")

// Remembered forms are pruned: after a day nobody posts one again. So are approvals nobody used,
// and counts of tries whose time is over.
const (
	pruneEvery = time.Hour
	opLife     = 24 * time.Hour
	pruneBatch = 1000
)

func (d *Desk) prune(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		if err := d.pruneOnce(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// errNothing stops a change that would prune nothing.
var errNothing = errors.New("nothing to prune")

func (d *Desk) pruneOnce(ctx context.Context) error {
	now, synced := d.clock()
	for {
		_, err := d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
			rows := append(store.Prune(s, now.Add(-opLife), pruneBatch),
				provisioning.StaleTries(s, now, pruneBatch)...)
			rows = append(rows, provisioning.StaleSiteOrders(s, now, pruneBatch)...)
			if len(rows) == 0 {
				return provisioning.Change{}, errNothing
			}
			return provisioning.NewChange(provisioning.Entry{At: now, Synced: synced,
				Desk: provisioning.DeskID(d.parts.Config.Desk), Actor: "desk", Act: "op.prune",
				Rule: "desk.prune", Outcome: "done"}).Put(rows...), nil
		})
		if errors.Is(err, errNothing) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
