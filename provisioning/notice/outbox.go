package notice

import (
	"context"
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

const (
	// longest is how long an outbox sleeps when nothing is due. The clock may be set in the meantime.
	longest = time.Minute
	// longestPause is how long a channel that does not work is left alone at most.
	longestPause = 5 * time.Minute
	// patience is how long one message may take; stopPatience, once the desk stops.
	patience     = time.Minute
	stopPatience = 3 * time.Second
)

// outbox sends the notices of one channel, one at a time.
type outbox struct {
	*Runner
	channel provisioning.NoticeChannel
	sender  Sender
	// down counts failures in a row that were the channel's and not the message's; until then nothing
	// is tried. A restart forgets both, which costs one try.
	down  int
	until time.Time
}

func (o *outbox) run(ctx context.Context) error {
	for {
		// Subscribed before looking, so that nothing in between is missed.
		changed := o.ledger.Changed()
		next, err := o.round(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			o.log.Error("send notices", "channel", string(o.channel), "err", err)
			next = longest
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round sends all that is due and returns how long nothing else will be.
func (o *outbox) round(ctx context.Context) (time.Duration, error) {
	for ctx.Err() == nil {
		at := o.clock.Now()
		if wait := o.until.Sub(at); wait > 0 && wait <= longestPause {
			return min(wait, longest), nil
		}
		n, wait, found := o.first(at)
		if !found {
			return wait, nil
		}
		if err := o.one(ctx, n.ID); err != nil {
			return 0, err
		}
	}
	return 0, ctx.Err()
}

// first finds what has been due longest, or how long nothing is.
func (o *outbox) first(at time.Time) (n provisioning.Notice, wait time.Duration, found bool) {
	wait = longest
	for row := range provisioning.Find[provisioning.Notice](o.ledger.Snapshot(),
		provisioning.ByState, string(provisioning.NoticeQueued)) {
		switch {
		case row.Channel != o.channel:
		case !row.Due(at):
			wait = min(wait, row.Next.Sub(at))
		case !found || row.Next.Before(n.Next):
			n, found = row, true
		}
	}
	return n, max(wait, time.Millisecond), found
}

// one sends one notice: the intent is durable before the network is touched, the outcome after.
func (o *outbox) one(ctx context.Context, id provisioning.NoticeID) error {
	var n provisioning.Notice
	var person provisioning.Person
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		n, _ = provisioning.Get[provisioning.Notice](s, string(id))
		person, _ = provisioning.Get[provisioning.Person](s, string(n.Person))
		return provisioning.SendNotice(s, o.now(), id)
	})
	if errors.Is(err, provisioning.ErrJournalOver) {
		return nil
	}
	if err != nil {
		return err
	}
	end, reason := o.try(ctx, n, person)
	_, err = o.ledger.Do(context.WithoutCancel(ctx),
		func(s provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.NoticeTried(s, o.now(), id, end, reason)
		})
	return err
}

// try touches the network.
func (o *outbox) try(
	ctx context.Context, n provisioning.Notice, p provisioning.Person,
) (provisioning.Delivery, string) {
	m, ok := o.compose(n, p)
	if !ok {
		return provisioning.DeliveryRefused, provisioning.ReasonNoContact
	}
	ctx, cancel := unhurried(ctx)
	defer cancel()
	err := o.sender.Send(ctx, m)
	var f *Failure
	switch {
	case err == nil:
		o.down, o.until = 0, time.Time{}
		return provisioning.Delivered, ""
	case !errors.As(err, &f):
		// A sender that does not say is taken to have reached the network.
		f = &Failure{End: provisioning.DeliveryUnknown, Reason: "error"}
	}
	if f.Ours {
		o.down++
		o.until = o.clock.Now().Add(provisioning.RetryAfter(o.down, n.ID, longestPause))
	}
	o.log.Warn("a notice was not sent", "notice", string(n.ID), "channel", string(o.channel),
		"end", string(f.End), "reason", f.Reason)
	return f.End, f.Reason
}

// unhurried outlives ctx by a moment, so that a stop does not cut a message in two.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopPatience, cancel) })
	return longer, func() { stop(); cancel() }
}

// compose writes the message.
func (o *outbox) compose(n provisioning.Notice, p provisioning.Person) (Message, bool) {
	l := languageOf(n.Lang)
	a, known := l.articles[string(n.About)]
	to, valid := contact(n.Channel, n.Contact(p))
	if !known || !valid {
		return Message{}, false
	}
	w := l.words(o.site, p, n.Lang, n.At, n.Params)
	m := Message{ID: string(n.ID), To: to, At: n.At}
	if n.Channel == provisioning.NoticeBySMS {
		m.Text = l.text(a, w, n.Unsure > 0)
		return m, true
	}
	m.Subject, m.Text = fill(a.Subject, w), l.mail(a.Mail, w, n.Unsure > 0)
	return m, true
}
