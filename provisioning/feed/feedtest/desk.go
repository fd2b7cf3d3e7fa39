// Package feedtest is a desk that lives in memory: a log with leaves and checkpoints, a sealer, and
// tokens whose seeds it knows. Tests of both ends of the feed share it. It knows no HTTP.
package feedtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Desk is a log in memory that anyone may append to.
type Desk struct {
	ID, Site, Feed string
	// LogKey is the public half of the key the checkpoints are signed with.
	LogKey string
	signer note.Signer
	sealer *feed.Sealer

	mu       sync.Mutex
	leaves   []feed.Leaf
	hashes   []tlog.Hash
	feedHead int64
	changed  chan struct{}
	acks     []feed.Ack
	verdicts map[string]feed.Verdict
	acked    chan struct{}
	// site is what the desk heard of its site; deaf: it hears nothing more.
	site Site
	deaf bool
}

// NewDesk makes a desk that seals for the holders of the bundle.
func NewDesk(id string, bundle feed.Bundle) (*Desk, error) {
	private, public, err := note.GenerateKey(rand.Reader, id)
	if err != nil {
		return nil, fmt.Errorf("make a log key: %w", err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("read a log key: %w", err)
	}
	sealer, err := feed.NewSealer(bundle)
	if err != nil {
		return nil, err
	}
	return &Desk{ID: id, Site: "um", Feed: RandomID(), LogKey: public, signer: signer,
		sealer: sealer, changed: make(chan struct{}), acked: make(chan struct{}),
		verdicts: map[string]feed.Verdict{}}, nil
}

// RandomID is 16 random bytes in hex.
func RandomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand stops the program instead
	return hex.EncodeToString(b[:])
}

// Record is the bare record of a credential, made now.
func (d *Desk) Record(credential string) feed.Record {
	return feed.Record{ID: RandomID(), Desk: d.ID, Credential: credential,
		At: time.Now().UTC().Truncate(time.Millisecond), Synced: true}
}

// Sealer seals for the holders of the bundle.
func (d *Desk) Sealer() *feed.Sealer { return d.sealer }

// Commit appends one leaf and returns the position after it.
func (d *Desk) Commit(records ...feed.Record) int64 {
	commitment := make([]byte, feed.CommitmentSize)
	_, _ = rand.Read(commitment)
	leaf := feed.Leaf{Commitment: commitment, Records: records}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int64(len(d.leaves))
	hashes, err := tlog.StoredHashesForRecordHash(n, leaf.Hash(), d.reader())
	if err != nil {
		panic("hash a leaf in memory: " + err.Error())
	}
	d.leaves = append(d.leaves, leaf)
	d.hashes = append(d.hashes, hashes...)
	if len(records) > 0 {
		d.feedHead = n + 1
		close(d.changed)
		d.changed = make(chan struct{})
	}
	return n + 1
}

func (d *Desk) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = d.hashes[at]
		}
		return out, nil
	})
}

// MoveTo has the desk speak for a site from now on.
func (d *Desk) MoveTo(site string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Site = site
}

// Meta describes the feed.
func (d *Desk) Meta() feed.Meta {
	d.mu.Lock()
	site := d.Site
	d.mu.Unlock()
	return feed.Meta{Version: feed.Version, Desk: d.ID, Site: site, Feed: d.Feed, Head: d.Head(),
		LogKey: d.LogKey, Clock: time.Now().UTC(), Synced: true}
}

// Leaves returns at most limit leaves from position after on.
func (d *Desk) Leaves(_ context.Context, after int64, limit int) ([]feed.Leaf, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if after < 0 || after > int64(len(d.leaves)) {
		return nil, errors.New("no such position")
	}
	return d.leaves[after:min(after+int64(limit), int64(len(d.leaves)))], nil
}

// Checkpoint signs the tree of the first size leaves.
func (d *Desk) Checkpoint(size int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	root, err := tlog.TreeHash(size, d.reader())
	if err != nil {
		return nil, fmt.Errorf("hash the tree: %w", err)
	}
	return d.Sign(feed.Checkpoint{Origin: feed.Origin(d.ID, d.Feed), Size: size, Root: root})
}

// Sign signs any checkpoint, true or not.
func (d *Desk) Sign(c feed.Checkpoint) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, d.signer)
}

// Head counts the leaves.
func (d *Desk) Head() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(len(d.leaves))
}

// FeedHead is the position after the newest leaf with records.
func (d *Desk) FeedHead() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.feedHead
}

// FeedChanged is closed by the next commit of records.
func (d *Desk) FeedChanged() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Page makes a page as an honest desk would serve it.
func (d *Desk) Page(after int64, limit int) (feed.Page, error) {
	leaves, err := d.Leaves(context.Background(), after, limit)
	if err != nil {
		return feed.Page{}, err
	}
	checkpoint, err := d.Checkpoint(after + int64(len(leaves)))
	return feed.Page{Feed: d.Feed, After: after, Leaves: leaves, Checkpoint: checkpoint,
		Head: d.Head()}, err
}

// Acknowledge takes each verdict once, as a desk does, and remembers every ack.
func (d *Desk) Acknowledge(_ context.Context, ack feed.Ack) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acks = append(d.acks, ack)
	for _, v := range ack.Verdicts {
		key := v.Record
		if v.Outcome.Ends() {
			key = endOf(v.Record)
		}
		if _, known := d.verdicts[key]; !known {
			d.verdicts[key] = v
		}
	}
	close(d.acked)
	d.acked = make(chan struct{})
	return nil
}

// Acks lists the acks taken so far.
func (d *Desk) Acks() []feed.Ack {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]feed.Ack(nil), d.acks...)
}

// Await waits until ok says that the acks and verdicts taken so far are what it waits for.
func (d *Desk) Await(ctx context.Context, ok func([]feed.Ack, map[string]feed.Verdict) bool) error {
	for {
		d.mu.Lock()
		done, acked := ok(d.acks, d.verdicts), d.acked
		d.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-acked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Verdict waits for the verdict on one record.
func (d *Desk) Verdict(ctx context.Context, record string) (feed.Verdict, error) {
	var verdict feed.Verdict
	err := d.Await(ctx, func(_ []feed.Ack, verdicts map[string]feed.Verdict) (ok bool) {
		verdict, ok = verdicts[record]
		return ok
	})
	return verdict, err
}
