package verifier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// How a copy of a desk is found. Every run of a desk is a leaf of its log, so two copies have
// different logs as soon as both were started. The follower reaches one at a time, under one
// address: when it meets the other, the log does not go on, or has lost leaves. From then on
// neither is followed, and each that answers is told to stop, until an operator trusts the desk
// again.

const (
	// tellPause is how long a desk that is not followed is left alone between two tellings.
	tellPause = 3 * time.Second
	// maxStrangers bounds the copies that are named.
	maxStrangers = 8
)

// errStopped: an operator has to look at the desk first.
var errStopped = errors.New("not followed: its log was not the one that was followed; once it is " +
	"known which copy is right, trust the desk again, or accept a restore")

// copied says whether this kind of alarm means that there may be two of the desk.
func (k AlarmKind) copied() bool {
	return k == AlarmForked || k == AlarmRewritten || k == AlarmRolledBack
}

// changeDesk changes the row of a desk, if change says so.
func (v *Verifier) changeDesk(desk string, change func(*deskRow) bool) error {
	err := v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(desk))
		if err != nil || !ok || !change(&row) {
			return err
		}
		return save(tx, deskTable, []byte(desk), row)
	})
	if err != nil {
		return fmt.Errorf("change desk %s: %w", desk, err)
	}
	return nil
}

func (s *State) deskRow(desk string) (row deskRow, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		row, _, err = load[deskRow](tx, deskTable, []byte(desk))
		return err
	})
	return row, err
}

// admit decides whether a desk that answered is followed. It notes which run of which machine this
// is, and tells the desk when that has changed whether it may go on.
func (f *follower) admit(ctx context.Context, meta feed.Meta) (deskRow, error) {
	row, err := f.deskRow(f.desk)
	if err != nil {
		return row, err
	}
	f.met = meta.Instance
	if row.Alarm.Stands() && !row.Alarm.Kind.copied() {
		return row, errAlarmed
	}
	if row.Alarm.Stands() {
		if err := f.meetAgain(&row); err != nil {
			return row, err
		}
		err := f.wire.halt(ctx, feed.Halt{Feed: meta.Feed, Reason: feed.HaltCopied, At: row.Alarm.At,
			Detail: row.copies()})
		return row, errors.Join(errStopped, err)
	}
	if meta.Halted {
		// An operator has cleared the alarm since: what stopped it does not hold any more.
		if err := f.wire.halt(ctx, feed.Halt{Feed: meta.Feed, At: f.clock()}); err != nil {
			return row, err
		}
	}
	return row, nil
}

// stranger notes the copy that raised an alarm.
func (f *follower) stranger() error {
	if f.met.ID == "" {
		return nil
	}
	return f.changeDesk(f.desk, func(row *deskRow) bool { return row.note(f.met, f.clock()) })
}

// meetAgain notes who answers while nobody is followed.
func (f *follower) meetAgain(row *deskRow) error {
	changed := row.note(f.met, f.clock())
	if f.met.ID == "" || !changed {
		return nil
	}
	return f.changeDesk(f.desk, func(now *deskRow) bool { return now.note(f.met, f.clock()) })
}

// note puts a run among the strangers, or says that the one that was followed still runs.
func (d *deskRow) note(i feed.Instance, now time.Time) bool {
	if i.ID == d.Followed.ID {
		if !d.Back.IsZero() {
			return false
		}
		d.Back = now
		return true
	}
	if slices.ContainsFunc(d.Strangers, func(s feed.Instance) bool { return s.ID == i.ID }) {
		return false
	}
	d.Strangers = append(d.Strangers, i)
	d.Strangers = d.Strangers[max(0, len(d.Strangers)-maxStrangers):]
	return true
}

// copies names the runs of a desk whose log is in doubt.
func (d deskRow) copies() string {
	var lines []string
	if d.Followed.ID != "" {
		line := "followed was " + d.Followed.String()
		if !d.Back.IsZero() {
			line += ", which still runs"
		}
		lines = append(lines, line)
	}
	for _, s := range d.Strangers {
		lines = append(lines, "another is "+s.String())
	}
	return strings.Join(lines, "; ")
}

// followed notes which run is followed.
func (f *follower) followed(row deskRow) error {
	if f.met.ID == "" || row.Followed == f.met {
		return nil
	}
	return f.changeDesk(f.desk, func(row *deskRow) bool {
		row.Followed = f.met
		return true
	})
}

// knock looks for copies of a desk that another took the place of, where they were reached, and
// where the desk is reached now if somebody else answers there. One that answers is told to stop.
func (v *Verifier) knock(ctx context.Context, desk string) {
	for ctx.Err() == nil {
		row, err := v.deskRow(desk)
		if err != nil {
			v.log.Error("look for the copies of a desk", "desk", desk, "err", err)
			return
		}
		for i, old := range row.Former {
			for _, url := range v.doors(row, old) {
				if err := v.refuseFormer(ctx, desk, i, old, url); err != nil && ctx.Err() == nil {
					v.log.Debug("knock at a copy", "desk", desk, "url", url, "err", err)
				}
			}
		}
		if len(row.Former) == 0 {
			return
		}
		select {
		case <-time.After(tellPause):
		case <-ctx.Done():
		}
	}
}

// doors are where a copy may answer.
func (v *Verifier) doors(row deskRow, old former) []string {
	urls := []string{}
	if old.Card.FeedURL != row.Card.FeedURL {
		urls = append(urls, old.Card.FeedURL)
	}
	v.mu.Lock()
	troubled := v.links[row.Card.Desk].Trouble != ""
	v.mu.Unlock()
	if troubled {
		urls = append(urls, row.Card.FeedURL)
	}
	return urls
}

// refuseFormer tells one copy to stop, if it is there. It is known by the key it is served with.
func (v *Verifier) refuseFormer(ctx context.Context, desk string, i int, old former,
	url string) error {
	card := old.Card
	card.FeedURL = url
	w := newWire(card, v.followerCertificate, v.dial)
	defer w.close()
	meta, err := w.meta(ctx)
	if err != nil {
		return err
	}
	row, err := v.deskRow(desk)
	if err != nil {
		return err
	}
	detail := "its feed " + old.Feed
	if row.Restore != nil {
		detail += " goes on as " + row.Restore.Feed + " at " + row.Card.FeedURL
	}
	told := w.halt(ctx, feed.Halt{Feed: meta.Feed, Reason: feed.HaltRestored, At: old.At,
		Detail: detail})
	return errors.Join(told, v.metFormer(desk, i, old.Feed, url, meta.Instance, told == nil))
}

// metFormer records that a copy answered, once for each run of it, and that it was told.
func (v *Verifier) metFormer(desk string, i int, id, url string, met feed.Instance,
	told bool) error {
	first := false
	err := v.changeDesk(desk, func(row *deskRow) bool {
		if i >= len(row.Former) || row.Former[i].Feed != id {
			return false
		}
		old := &row.Former[i]
		known := !old.Seen.IsZero() && old.Met.ID == met.ID && old.URL == url
		if known && (!told || !old.Told.IsZero()) {
			return false
		}
		first = !known
		old.Met, old.URL, old.Seen = met, url, v.clock()
		if told {
			old.Told = v.clock()
		}
		return true
	})
	if first {
		v.log.Error("a copy of a desk that was restored elsewhere answers, and is refused",
			"desk", desk, "feed", id, "url", url, "instance", met.String(),
			systemd.CopyAnswers.Attr())
	}
	return err
}
