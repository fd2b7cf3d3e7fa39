package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Audit says what an audit of the whole log saw.
type Audit struct {
	// Leaves were checked against their entries, their records and the tree.
	Leaves int64
	// Records were published by them.
	Records int64
	// Erased entries have a leaf and nothing else; of ErasedRecords the leaf has the hash.
	Erased, ErasedRecords int64
	// Checkpoint is signed over all of them.
	Checkpoint []byte
}

// auditPage is how many leaves are read in one transaction.
const auditPage = 1024

// Audit opens every entry and record, recomputes every hash of the tree, and signs the result. It
// needs time in proportion to the log and keeps nobody from writing.
func (s *Store) Audit(ctx context.Context) (Audit, error) {
	var a Audit
	for head := s.Head(); a.Leaves < head; {
		to := min(a.Leaves+auditPage, head)
		err := s.file.View(func(tx *boltfile.Tx) error { return a.page(ctx, tx, a.Leaves, to) })
		if err != nil {
			return a, fmt.Errorf("audit: %w", err)
		}
		a.Leaves = to
	}
	err := s.file.View(func(tx *boltfile.Tx) error {
		signed, err := newestSigned(tx)
		if err != nil {
			return err
		}
		// Not the head in memory, which a commit that is durable by now may not have reached.
		leaves, err := tx.Count(leafBucket)
		if err != nil {
			return err
		}
		return s.checkSigned(tx, signed, int64(leaves))
	})
	if err != nil {
		return a, fmt.Errorf("audit: %w", err)
	}
	a.Checkpoint, err = s.Checkpoint(a.Leaves)
	return a, err
}

func (a *Audit) page(ctx context.Context, tx *boltfile.Tx, from, to int64) error {
	leaves, err := readLeaves(ctx, tx, from, to)
	if err != nil {
		return err
	}
	next := from
	err = eachNumber(tx, entryBucket, from, to, func(n int64, i boltfile.Item) error {
		if n != next {
			return fmt.Errorf("%w: entry %d is missing", ErrLog, next)
		}
		next++
		return a.leaf(tx, n, leaves[n-from], i)
	})
	if err == nil && next != to {
		err = fmt.Errorf("%w: entry %d is missing", ErrLog, next)
	}
	return err
}

func (a *Audit) leaf(tx *boltfile.Tx, n int64, leaf feed.Leaf, entry boltfile.Item) error {
	a.Records += int64(len(leaf.Records))
	for _, r := range leaf.Records {
		if r.Erased != nil {
			a.ErasedRecords++
		}
	}
	if entry.Erased {
		a.Erased++
	} else if !commits(leaf.Commitment, entry.Value) {
		return fmt.Errorf("%w: entry %d is not the one that was logged", ErrLog, n)
	}
	hashes, err := tlog.StoredHashes(n, leaf.Data(), hashReader(tx))
	if err != nil {
		return fmt.Errorf("hash leaf %d: %w", n, err)
	}
	stored, err := tx.Get(hashBucket, boltfile.Number(uint64(n)))
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, joinHashes(hashes)) {
		return fmt.Errorf("%w: the hashes of leaf %d are not its own", ErrLog, n)
	}
	return nil
}

func commits(commitment, entry []byte) bool {
	if len(entry) < saltSize {
		return false
	}
	return bytes.Equal(commitment, feed.Commit([saltSize]byte(entry[:saltSize]), entry[saltSize:]))
}

// Check looks at every page of the file and opens every value in it. It keeps writers out while it
// looks at the pages: see boltfile.File.Check.
func (s *Store) Check(ctx context.Context) (boltfile.Report, error) { return s.file.Check(ctx) }

// Prune returns up to limit results of forms posted, and approvals given and not used, before a
// time, to be put by a Change: they leave memory and stay readable through Archived. A form posted
// again after that acts again, so the time must be longer ago than any page can have been open.
func Prune(now provisioning.Snapshot, before time.Time, limit int) []provisioning.Row {
	var old []provisioning.Row
	add := func(row provisioning.Row, at time.Time) {
		if len(old) < limit && at.Before(before) {
			old = append(old, retired{row})
		}
	}
	for op := range provisioning.All[provisioning.OpResult](now) {
		add(op, op.At)
	}
	for approval := range provisioning.All[provisioning.Approval](now) {
		add(approval, approval.At)
	}
	return old
}
