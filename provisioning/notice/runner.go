package notice

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Clock tells the time and whether the network set it.
type Clock interface {
	Now() time.Time
	Synced() bool
}

// Config is what a Runner needs. A channel without a sender does not exist.
type Config struct {
	Ledger    provisioning.Ledger
	Site      provisioning.Site
	Desk      provisioning.DeskID
	Clock     Clock
	Log       *slog.Logger
	Mail, SMS Sender
	// Lang is the language of people whose own is not known; empty means English.
	Lang string
}

// Runner sends the notices of one desk.
type Runner struct {
	ledger  provisioning.Ledger
	site    provisioning.Site
	desk    provisioning.DeskID
	clock   Clock
	log     *slog.Logger
	lang    string
	senders map[provisioning.NoticeChannel]Sender
}

// New checks the configuration. It starts nothing: see Begin and Run.
func New(c Config) (*Runner, error) {
	if c.Ledger == nil || c.Clock == nil || c.Log == nil || c.Desk == "" {
		return nil, errors.New("notice: ledger, clock, log and desk are needed")
	}
	r := &Runner{ledger: c.Ledger, site: c.Site, desk: c.Desk, clock: c.Clock, log: c.Log,
		lang: c.Lang, senders: map[provisioning.NoticeChannel]Sender{}}
	if r.lang == "" {
		r.lang = fallback
	}
	if c.Mail != nil {
		r.senders[provisioning.NoticeByMail] = c.Mail
	}
	if c.SMS != nil {
		r.senders[provisioning.NoticeBySMS] = c.SMS
	}
	return r, nil
}

// Begin puts on record which channels there are, and settles what the last run was sending when it
// stopped. It comes before the first order: from then on changes queue their notices.
func (r *Runner) Begin(ctx context.Context) error {
	err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.SetNoticeChannels(s, r.now(), r.channels())
	})
	if err != nil && !errors.Is(err, errNothing) {
		return err
	}
	for {
		err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
			return provisioning.RecoverNotice(s, r.now())
		})
		if errors.Is(err, errNothing) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// channels are those that the site's policy names and the box has a sender for.
func (r *Runner) channels() provisioning.NoticeChannels {
	var c provisioning.NoticeChannels
	for _, channel := range r.site.Notices {
		if r.senders[channel] == nil {
			continue
		}
		switch channel {
		case provisioning.NoticeByMail:
			c.Mail, c.Lang = true, r.lang
		case provisioning.NoticeBySMS:
			c.SMS, c.Lang = true, r.lang
		}
	}
	return c
}

// errNothing leaves the single writer without a change.
var errNothing = errors.New("nothing to do")

func (r *Runner) maybe(
	ctx context.Context, decide func(provisioning.Snapshot) (provisioning.Change, bool),
) error {
	_, err := r.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, any := decide(s)
		if !any {
			return provisioning.Change{}, errNothing
		}
		return change, nil
	})
	return err
}

// Run sends what is due until ctx ends. A message under way is given a moment to finish.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for channel, sender := range r.senders {
		o := &outbox{Runner: r, channel: channel, sender: sender}
		group.Go(func() error { return o.run(ctx) })
	}
	return group.Wait()
}

func (r *Runner) now() provisioning.Now {
	return provisioning.Now{Desk: r.desk, At: r.clock.Now(), Synced: r.clock.Synced()}
}
