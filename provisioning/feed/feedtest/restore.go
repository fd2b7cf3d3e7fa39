package feedtest

import (
	"context"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Restored is the desk as a backup of its first leaves makes it: a new feed, and a new log key.
func (d *Desk) Restored(bundle feed.Bundle, size int64) (*Desk, error) {
	again, err := NewDesk(d.ID, bundle)
	if err != nil {
		return nil, err
	}
	leaves, err := d.Leaves(context.Background(), 0, int(size))
	if err != nil {
		return nil, err
	}
	for _, leaf := range leaves {
		again.append(leaf)
	}
	return again, nil
}

// append adds a leaf as it is.
func (d *Desk) append(leaf feed.Leaf) {
	n := int64(len(d.leaves))
	hashes, err := tlog.StoredHashesForRecordHash(n, leaf.Hash(), d.reader())
	if err != nil {
		panic("hash a leaf in memory: " + err.Error())
	}
	d.leaves, d.hashes = append(d.leaves, leaf), append(d.hashes, hashes...)
	if len(leaf.Records) > 0 {
		d.feedHead = n + 1
	}
}

// RestoreCard is the card of a desk that goes on from the first leaves of this one.
func (d *Desk) RestoreCard(card feed.DeskCard, again *Desk, size int64) (feed.RestoreCard, error) {
	root, err := tlog.TreeHash(size, d.reader())
	if err != nil {
		return feed.RestoreCard{}, err
	}
	c := feed.RestoreCard{Version: feed.Version, Card: card, Feed: again.Feed, Epoch: 1, From: d.Feed,
		Size: size, Root: root.String()}
	return c, c.Sign(d.signer)
}

// Told keeps what a verifier tells a desk of its own accord.
type Told struct {
	mu    sync.Mutex
	halts []feed.Halt
	rows  []feed.Rows
}

// TakeHalt keeps a halt.
func (t *Told) TakeHalt(_ context.Context, h feed.Halt) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.halts = append(t.halts, h)
	return nil
}

// TakeRows keeps a page of rows.
func (t *Told) TakeRows(_ context.Context, rows feed.Rows) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, rows)
	return nil
}

// Halts are the halts so far.
func (t *Told) Halts() []feed.Halt {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]feed.Halt(nil), t.halts...)
}

// Rows are the rows so far, and whether the last page came.
func (t *Told) Rows() (rows []feed.KnownRow, erasures []string, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, page := range t.rows {
		rows, erasures = append(rows, page.Rows...), append(erasures, page.Erasures...)
		done = done || page.Done
	}
	return rows, erasures, done
}

// Prove proves a restore card with this desk's log key.
func (d *Desk) Prove(c *feed.RestoreCard) error { return c.Sign(d.signer) }
