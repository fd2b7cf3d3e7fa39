package store

import (
	"context"
	"fmt"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Export gives every leaf with its entry, oldest first, or without one when its person was erased,
// and returns the signed checkpoint over all it gave. It reads in pages and keeps nobody from
// writing.
func (s *Store) Export(ctx context.Context,
	do func(n int64, leaf feed.Leaf, entry *provisioning.Entry) error) ([]byte, error) {
	head := s.Head()
	for from := int64(0); from < head; from += auditPage {
		to := min(from+auditPage, head)
		var leaves []feed.Leaf
		err := s.file.View(func(tx *boltfile.Tx) (err error) {
			leaves, err = readLeaves(ctx, tx, from, to)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
		entries, err := s.entries(ctx, from, to)
		if err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
		for i, logged := range entries {
			entry := &entries[i].Entry
			if logged.Erased {
				entry = nil
			}
			if err := do(from+int64(i), leaves[i], entry); err != nil {
				return nil, err
			}
		}
	}
	return s.Checkpoint(head)
}

// Prove holds a checkpoint that somebody else kept against the log: the first leaves of it must
// have the root that was signed then. Its signature is the caller's to look at.
func (s *Store) Prove(kept feed.Checkpoint) error {
	if kept == (feed.Checkpoint{}) {
		return fmt.Errorf("%w: there is no checkpoint", ErrLog)
	}
	head := s.Head()
	err := s.file.View(func(tx *boltfile.Tx) error { return s.checkSigned(tx, kept, head) })
	if err != nil {
		return fmt.Errorf("hold a checkpoint of %d leaves against the log: %w", kept.Size, err)
	}
	return nil
}
