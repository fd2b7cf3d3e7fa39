package verifier

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// rowsPerCall is how many rows one message carries: the desk may have to look up who each is for.
const rowsPerCall = 100

// reconcile tells a restored desk what is known of it: what it issued after the backup, and what
// became of the rest. It may break off and begin anew: the desk takes each row once.
func (f *follower) reconcile(ctx context.Context, row deskRow) error {
	var rows []feed.KnownRow
	err := f.file.View(func(tx *boltfile.Tx) (err error) {
		rows, err = f.knownOf(tx, f.desk, row.Restore.Size)
		return err
	})
	if err != nil {
		return err
	}
	gone, err := f.Erasures(f.desk)
	if err != nil {
		return err
	}
	for page := range f.pages(row.Restore.Feed, rows, gone) {
		if err := f.wire.rows(ctx, page); err != nil {
			return err
		}
	}
	return f.changeDesk(f.desk, func(d *deskRow) bool {
		if d.Restore == nil || d.Restore.Feed != row.Restore.Feed {
			return false
		}
		d.Restore.Told, d.Restore.Rows = f.clock(), len(rows)
		return true
	})
}

// pages are the messages, the erasures first: nothing is learned of somebody before that. There is
// always a last one, which says so.
func (f *follower) pages(id string, rows []feed.KnownRow,
	gone []string) func(yield func(feed.Rows) bool) {
	return func(yield func(feed.Rows) bool) {
		for part := range slices.Chunk(gone, feed.MaxRows) {
			if !yield(feed.Rows{Feed: id, Erasures: part}) {
				return
			}
		}
		for part := range slices.Chunk(rows, rowsPerCall) {
			if !yield(feed.Rows{Feed: id, Rows: part}) {
				return
			}
		}
		yield(feed.Rows{Feed: id, Done: true})
	}
}

// knownOf lists what is known of a desk, what has ended first: a person whose token was replaced
// has one at a time.
func (s *State) knownOf(tx *boltfile.Tx, desk string, size int64) ([]feed.KnownRow, error) {
	fresh, err := publishedAfter(tx, desk, size)
	if err != nil {
		return nil, err
	}
	var rows []feed.KnownRow
	add := func(row feed.KnownRow) {
		row.New = fresh[row.Credential]
		rows = append(rows, row)
	}
	err = each(tx, credentialTable, func(_ string, c credential) error {
		if c.Desk == desk {
			add(c.known())
		}
		return nil
	})
	if err == nil {
		err = knownPasscodes(tx, desk, add)
	}
	slices.SortFunc(rows, func(a, b feed.KnownRow) int {
		return cmp.Or(cmp.Compare(ended(b), ended(a)), cmp.Compare(a.Credential, b.Credential))
	})
	return rows, err
}

func ended(row feed.KnownRow) int {
	if row.State == feed.KnownEnded {
		return 1
	}
	return 0
}

// publishedAfter are the credentials and passcodes a desk published about from a position on.
func publishedAfter(tx *boltfile.Tx, desk string, size int64) (map[string]bool, error) {
	fresh := map[string]bool{}
	return fresh, each(tx, recordTable, func(_ string, r recordRow) error {
		if r.Desk == desk && r.Position >= size {
			fresh[r.Credential] = true
		}
		return nil
	})
}

// known is what a desk may hear of a credential: no seed, no failure count.
func (c credential) known() feed.KnownRow {
	row := feed.KnownRow{Kind: feed.KindSeed, Credential: c.ID, User: c.User, Site: c.Site,
		Vendor: c.Vendor, Serial: c.Serial, Digits: c.Digits, Next: c.Next, Issued: c.Issued}
	switch {
	case c.State == revoked:
		row.State = feed.KnownEnded
	case c.State == active:
		row.State = feed.KnownActive
	case c.State == suspended && !c.Issued.IsZero():
		row.State = feed.KnownSuspended
	default:
		row.State = feed.KnownWaiting
	}
	if row.User == "" {
		row.State = feed.KnownEnded // a tombstone, or somebody who was erased.
	}
	return row
}

func knownPasscodes(tx *boltfile.Tx, desk string, add func(feed.KnownRow)) error {
	err := eachPasscodes(tx, func(_ []byte, row passcodeRow) error {
		for _, set := range row.Sets {
			if set.Desk == desk {
				add(set.known())
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tx.ForEach(passcodeRefTable, nil, nil, func(item boltfile.Item) error {
		var ref passcodeRef
		if err := json.Unmarshal(item.Value, &ref); err != nil {
			return err
		}
		if ref.Desk == desk && ref.Ended {
			add(feed.KnownRow{Kind: feed.KindPasscode, Credential: string(item.Key),
				State: feed.KnownEnded})
		}
		return nil
	})
}

func (p passcodeSet) known() feed.KnownRow {
	row := feed.KnownRow{Kind: feed.KindPasscode, Credential: p.ID, Record: p.Record, User: p.User,
		State: feed.KnownActive, Type: p.Type, Purpose: p.Purpose, Issued: p.Issued, Until: p.Until,
		Count: len(p.Codes)}
	if !p.Unlimited && len(p.Codes) > 0 {
		row.Uses = p.Codes[0].Left
	}
	return row
}

// rows tells a desk what is known of it.
func (w wire) rows(ctx context.Context, page feed.Rows) error {
	body, err := json.Marshal(page)
	if err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	if _, err := w.call(ctx, http.MethodPut, feed.PathRows, body, 0); err != nil {
		return fmt.Errorf("return rows: %w", err)
	}
	return nil
}

// halt tells a desk whether it may go on.
func (w wire) halt(ctx context.Context, h feed.Halt) error {
	body, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode a halt: %w", err)
	}
	if _, err := w.call(ctx, http.MethodPost, feed.PathHalt, body, 0); err != nil {
		return fmt.Errorf("tell a desk to stop: %w", err)
	}
	return nil
}
