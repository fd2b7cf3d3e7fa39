package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// checkpointEvery is how many leaves may follow the newest signed checkpoint in the file.
const checkpointEvery = 256

// signedKey is the key of the one checkpoint in its bucket.
const signedKey = "newest"

// appendLeaf adds a leaf to the log: its data, and the tree hashes that it completes.
func appendLeaf(tx *boltfile.Tx, at int64, data []byte) error {
	hashes, err := tlog.StoredHashes(at, data, hashReader(tx))
	if err != nil {
		return fmt.Errorf("hash leaf %d: %w", at, err)
	}
	n, err := tx.Append(leafBucket, data)
	if err != nil {
		return err
	}
	m, err := tx.Append(hashBucket, joinHashes(hashes))
	if err != nil {
		return err
	}
	if n != uint64(at) || m != uint64(at) {
		return fmt.Errorf("%w: the leaf became number %d, not %d", ErrLog, n, at)
	}
	return nil
}

func joinHashes(hashes []tlog.Hash) []byte {
	joined := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		joined = append(joined, h[:]...)
	}
	return joined
}

// hashReader reads tree hashes. The hash of the nth subtree of 2^level leaves is stored with the
// leaf that completes it.
func hashReader(tx *boltfile.Tx) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			last := (n+1)<<level - 1
			joined, err := tx.Get(hashBucket, boltfile.Number(uint64(last)))
			if err != nil {
				return nil, err
			}
			if len(joined) < (level+1)*tlog.HashSize {
				return nil, fmt.Errorf("%w: the hashes of leaf %d are short", ErrLog, last)
			}
			copy(hashes[i][:], joined[level*tlog.HashSize:])
		}
		return hashes, nil
	}
}

// Checkpoint signs the tree of the first size leaves: a note whose text is a feed.Checkpoint.
func (s *Store) Checkpoint(size int64) (signed []byte, err error) {
	if size < 0 || size > s.Head() {
		return nil, fmt.Errorf("checkpoint %d: %w", size, ErrRange)
	}
	err = s.file.View(func(tx *boltfile.Tx) error {
		signed, err = s.checkpoint(tx, size)
		return err
	})
	return signed, err
}

func (s *Store) checkpoint(tx *boltfile.Tx, size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, hashReader(tx))
	if err != nil {
		return nil, fmt.Errorf("root of %d leaves: %w", size, err)
	}
	text := feed.Checkpoint{Origin: s.Origin(), Size: size, Root: root}.Text()
	signed, err := note.Sign(&note.Note{Text: text}, *s.signers.Load()...)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint %d: %w", size, err)
	}
	return signed, nil
}

// sign puts a new checkpoint into the file.
func (s *Store) sign(tx *boltfile.Tx, size int64) error {
	signed, err := s.checkpoint(tx, size)
	if err != nil {
		return err
	}
	s.signed = size
	return tx.Put(signedBucket, []byte(signedKey), signed)
}

// checkLog checks that the log fits together and fits the newest checkpoint signed of it. It looks
// at the ends only: Audit looks at everything. The signature is not looked at, because the row is
// sealed with the desk's key like any other, and the desk's key is what the signature would prove.
func (s *Store) checkLog(tx *boltfile.Tx) (head int64, err error) {
	var counts [3]uint64
	for i, bucket := range []string{entryBucket, leafBucket, hashBucket} {
		if counts[i], err = tx.Count(bucket); err != nil {
			return 0, err
		}
	}
	if counts[0] != counts[1] || counts[1] != counts[2] {
		return 0, fmt.Errorf("%w: it has %d entries, %d leaves and %d hashes", ErrLog,
			counts[0], counts[1], counts[2])
	}
	head = int64(counts[1])
	signed, err := newestSigned(tx)
	if err != nil {
		return 0, err
	}
	if err := s.checkSigned(tx, signed, head); err != nil {
		return 0, err
	}
	s.signed = signed.Size
	return head, nil
}

// newestSigned reads the checkpoint in the file; a new file has none.
func newestSigned(tx *boltfile.Tx) (feed.Checkpoint, error) {
	signed, err := tx.Get(signedBucket, []byte(signedKey))
	if errors.Is(err, boltfile.ErrAbsent) {
		return feed.Checkpoint{}, nil
	}
	if err != nil {
		return feed.Checkpoint{}, err
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	return feed.ParseCheckpoint(text + "\n")
}

func (s *Store) checkSigned(tx *boltfile.Tx, signed feed.Checkpoint, head int64) error {
	if signed == (feed.Checkpoint{}) {
		if head >= checkpointEvery {
			return fmt.Errorf("%w: %d leaves and no checkpoint", ErrLog, head)
		}
		return nil
	}
	if signed.Origin != s.Origin() {
		return fmt.Errorf("%w: it was signed as %s, this is %s", ErrLog, signed.Origin, s.Origin())
	}
	if signed.Size > head {
		return fmt.Errorf("%w: %d leaves were signed, %d are here", ErrLog, signed.Size, head)
	}
	root, err := tlog.TreeHash(signed.Size, hashReader(tx))
	if err != nil {
		return fmt.Errorf("root of %d leaves: %w", signed.Size, err)
	}
	if root != signed.Root {
		return fmt.Errorf("%w: the first %d leaves differ", ErrLog, signed.Size)
	}
	return nil
}

// Leaves returns the leaves from a position on, at most limit of them, as the feed carries them.
func (s *Store) Leaves(ctx context.Context, after int64, limit int) ([]feed.Leaf, error) {
	head := s.Head()
	if after < 0 || after > head {
		return nil, fmt.Errorf("leaves after %d: %w", after, ErrRange)
	}
	var leaves []feed.Leaf
	err := s.file.View(func(tx *boltfile.Tx) (err error) {
		leaves, err = readLeaves(ctx, tx, after, min(after+int64(max(limit, 0)), head))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("leaves after %d: %w", after, err)
	}
	s.passErasure(leaves)
	return leaves, nil
}
