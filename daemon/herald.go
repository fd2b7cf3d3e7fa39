package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/systemd"
)

// heraldSoonest is how often the herald looks at most.
const heraldSoonest = time.Second

// heard is what the journal was told of already.
type heard struct {
	locked    map[provisioning.OfficerID]bool
	throttled int
}

// herald tells the journal what an operator should act on and nobody at the counter can: officers
// who are locked out, and strangers who guess. Each is told once, when it begins.
func (d *Desk) herald(ctx context.Context) error {
	var h heard
	for {
		changed := d.store.Changed()
		now, _ := d.clock()
		h = h.hear(d.store.Snapshot(), d.parts.Site, now, d.log)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(heraldSoonest):
		}
	}
}

// hear tells the journal what is new, and returns what is so now.
func (h heard) hear(
	s provisioning.Snapshot, site provisioning.Site, now time.Time, journal *slog.Logger,
) heard {
	is := heard{map[provisioning.OfficerID]bool{}, provisioning.Throttled(s, site, now)}
	for o := range provisioning.All[provisioning.Officer](s) {
		if !o.LockedOut() {
			continue
		}
		is.locked[o.ID] = true
		if !h.locked[o.ID] {
			journal.Warn("an officer is locked out", systemd.OfficerLocked.Attr(), "officer", string(o.ID))
		}
	}
	if is.throttled > h.throttled {
		journal.Warn("tries at the unattended view are refused", systemd.RecoveriesThrottled.Attr(),
			"throttled", is.throttled)
	}
	return is
}

// Classify returns the field that puts the end of a daemon into a class of events, if there is one
// for its reason.
func Classify(err error) []any {
	for reason, class := range map[error]systemd.Message{
		boltfile.ErrNewer: systemd.StoreNewer, boltfile.ErrDamaged: systemd.StoreDamaged,
		boltfile.ErrWrongKey: systemd.StoreDamaged, boltfile.ErrLocked: systemd.StoreLocked,
		boltfile.ErrCommit: systemd.WriteFailed,
	} {
		if errors.Is(err, reason) {
			return []any{class.Attr()}
		}
	}
	return nil
}
