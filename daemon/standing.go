package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

var _ publish.Told = (*Desk)(nil)

// newInstance names this run of the program.
func newInstance(c Clock) feed.Instance {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never errs (crypto/rand)
	host, _ := os.Hostname()
	return feed.Instance{ID: hex.EncodeToString(id[:]), Since: c.Now(), Host: host}
}

// begin puts this run on record, which no copy of the desk can have done: see provisioning.Started.
func (d *Desk) begin(ctx context.Context) error {
	_, err := d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Started(s, d.now(), d.instance), nil
	})
	if err != nil {
		return fmt.Errorf("put the start on record: %w", err)
	}
	if st := provisioning.StandingOf(d.store.Snapshot()); st.Refusal() != nil {
		d.log.Error("this desk may issue nothing", "standing", sayStanding(st),
			systemd.DeskHalted.Attr())
	}
	return nil
}

// TakeHalt implements publish.Told.
func (d *Desk) TakeHalt(ctx context.Context, h feed.Halt) error {
	news, err := d.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.Halted(s, d.now(), h)
	})
	if news {
		st := provisioning.StandingOf(d.store.Snapshot())
		d.log.Error("the verifier says whether this desk may be used", "reason", string(h.Reason),
			"detail", h.Detail, "standing", sayStanding(st), systemd.DeskHalted.Attr())
	}
	return err
}

// maybe commits a change if there is one. It looks before it enters the single writer.
func (d *Desk) maybe(
	ctx context.Context, decide func(provisioning.Snapshot) (provisioning.Change, bool),
) (bool, error) {
	if _, any := decide(d.store.Snapshot()); !any {
		return false, nil
	}
	_, err := d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, any := decide(s)
		if !any {
			return provisioning.Change{}, errNothing
		}
		return change, nil
	})
	if errors.Is(err, errNothing) {
		return false, nil
	}
	return err == nil, err
}

// TakeRows implements publish.Told: what was issued after the backup is learned, one change for
// each row that is news, so that a page that breaks off in the middle comes again and goes on. A
// desk that does not wait for it learns nothing: what it lends is its own to say.
func (d *Desk) TakeRows(ctx context.Context, rows feed.Rows) error {
	if !provisioning.StandingOf(d.store.Snapshot()).Waiting {
		return nil
	}
	if _, err := d.ApplyErasures(ctx, rows.Erasures); err != nil {
		return fmt.Errorf("erase again who was erased after the backup: %w", err)
	}
	for _, row := range rows.Rows {
		if err := d.learn(ctx, row); err != nil {
			return fmt.Errorf("learn what was issued after the backup: %w", err)
		}
	}
	if !rows.Done {
		return nil
	}
	return d.accepted(ctx)
}

// learn takes one row. Nobody is looked up for what is no news.
func (d *Desk) learn(ctx context.Context, row feed.KnownRow) error {
	learn := func(who provisioning.Person) func(provisioning.Snapshot) (provisioning.Change, bool) {
		return func(s provisioning.Snapshot) (provisioning.Change, bool) {
			return provisioning.Learn(s, d.parts.Site, d.now(), row, who, d.keys.now().Site.Generation())
		}
	}
	anybody := provisioning.Unlisted(d.parts.Site, row.User)
	if _, any := learn(anybody)(d.store.Snapshot()); !any {
		return nil
	}
	who, err := d.whoIs(ctx, row.User)
	if err != nil {
		return err
	}
	_, err = d.maybe(ctx, learn(who))
	return err
}

// accepted lets a restored desk work: only now is it known what the backup left unfinished.
func (d *Desk) accepted(ctx context.Context) error {
	news, err := d.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.Accepted(s, d.now())
	})
	if err != nil || !news {
		return err
	}
	st := provisioning.StandingOf(d.store.Snapshot())
	d.log.Warn("the verifier has accepted the restored desk", "learned", st.Learned,
		systemd.DeskAccepted.Attr())
	return d.visits.Recover(ctx)
}

// whoIs finds the person of an account: among those the desk knows, then in the directory. Somebody
// the directory does not name any more is listed under the account. A directory that is down is
// waited for, because the next try is not far.
func (d *Desk) whoIs(ctx context.Context, account string) (provisioning.Person, error) {
	if account == "" {
		return provisioning.Person{}, nil
	}
	found, err := d.people.Find(ctx, account)
	if err == nil && found.Account == account {
		return found, nil
	}
	if errors.Is(err, provisioning.Refuse(provisioning.CodeDirectoryDown)) {
		return provisioning.Person{}, fmt.Errorf("find who holds what was issued: %w", err)
	}
	for p := range provisioning.All[provisioning.Person](d.store.Snapshot()) {
		if p.Account == account {
			return p, nil
		}
	}
	return provisioning.Unlisted(d.parts.Site, account), nil
}

// sayStanding is why a desk issues nothing, for the operator.
func sayStanding(st provisioning.Standing) string {
	detail := ""
	if st.Detail != "" {
		detail = ": " + st.Detail
	}
	switch {
	case st.Halt == provisioning.CodeDeskRestored:
		return "this desk was restored elsewhere; it must not be used" + detail
	case st.Halt != "":
		return "the verifier does not follow this desk: another copy of it runs, or it was put back " +
			"to an earlier day; it must not be used" + detail
	case st.Waiting:
		return "restored from a backup; it waits until an operator at the verifier accepts it " +
			"(verifierd desk accept-restore)"
	}
	return ""
}
