package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Logged is an entry with its place in the log.
type Logged struct {
	// Position is what Do returned for it: the number of leaves up to and with its own.
	Position int64
	// Erased says that its person was erased: only the leaf is left, and Entry is zero.
	Erased bool
	Entry  provisioning.Entry
}

// Entries returns the entries whose position is greater than after, oldest first, at most limit.
func (s *Store) Entries(ctx context.Context, after int64, limit int) ([]Logged, error) {
	head := s.Head()
	if after < 0 || after > head {
		return nil, fmt.Errorf("entries after %d: %w", after, ErrRange)
	}
	return s.entries(ctx, after, min(after+int64(max(limit, 0)), head))
}

func (s *Store) entries(ctx context.Context, from, to int64) ([]Logged, error) {
	entries := make([]Logged, 0, to-from)
	err := s.file.View(func(tx *boltfile.Tx) error {
		return eachNumber(tx, entryBucket, from, to, func(n int64, i boltfile.Item) error {
			logged := Logged{Position: n + 1, Erased: i.Erased}
			if !i.Erased {
				if len(i.Value) < saltSize {
					return boltfile.ErrDamaged
				}
				if err := json.Unmarshal(i.Value[saltSize:], &logged.Entry); err != nil {
					return fmt.Errorf("decode: %w", err)
				}
			}
			entries = append(entries, logged)
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, fmt.Errorf("entries after %d: %w", from, err)
	}
	return entries, nil
}

// Newest gives the entries newest first, as they stood when it was called. It reads them in pages,
// so that taking one's time keeps no pages of the file from being reused.
func (s *Store) Newest(ctx context.Context) iter.Seq2[Logged, error] {
	const page = 128
	return func(yield func(Logged, error) bool) {
		for to := s.Head(); to > 0; to = max(to-page, 0) {
			entries, err := s.entries(ctx, max(to-page, 0), to)
			if err != nil {
				yield(Logged{}, err)
				return
			}
			for _, entry := range slices.Backward(entries) {
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// Archived returns the newest archived form of a row: a closed loan, an ended visit. A row of a
// person who was erased is not found.
func (s *Store) Archived(kind provisioning.Kind, key string) (provisioning.Row, bool, error) {
	from, to := archived(s.file, kind, key)
	var newest []byte
	err := s.file.View(func(tx *boltfile.Tx) error {
		return tx.ForEach(archiveBucket(kind), from, to, func(i boltfile.Item) error {
			newest = i.Value
			return nil
		})
	})
	if err != nil || newest == nil {
		return nil, false, err
	}
	row, err := s.codecs[kind].decode(newest)
	return row, err == nil, err
}

// archived are the bounds of a row's archived forms.
func archived(file *boltfile.File, kind provisioning.Kind, key string) (from, to []byte) {
	from = file.Blind(string(kind), key)
	return from, append(slices.Clone(from), bytes.Repeat([]byte{0xff}, 9)...)
}

// eachNumber gives the appended values from <= number < to.
func eachNumber(tx *boltfile.Tx, bucket string, from, to int64,
	do func(n int64, i boltfile.Item) error) error {
	if from >= to {
		return nil
	}
	return tx.ForEach(bucket, boltfile.Number(uint64(from)), boltfile.Number(uint64(to)),
		func(i boltfile.Item) error {
			return do(int64(binary.BigEndian.Uint64(i.Key)), i)
		})
}

// readLeaves reads leaves from <= position < to and checks that the records are those the leaf was
// hashed with.
func readLeaves(ctx context.Context, tx *boltfile.Tx, from, to int64) ([]feed.Leaf, error) {
	leaves := make([]feed.Leaf, to-from)
	err := eachNumber(tx, recordBucket, from, to, func(n int64, i boltfile.Item) error {
		leaf := &leaves[n-from]
		r := feed.Record{Erased: []byte{}} // until the leaf says its hash
		if !i.Erased {
			var err error
			if r, err = decodeRecord(i.Value); err != nil {
				return err
			}
		}
		leaf.Records = append(leaf.Records, r)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	next := from
	err = eachNumber(tx, leafBucket, from, to, func(n int64, i boltfile.Item) error {
		if n != next || len(i.Value) < feed.CommitmentSize {
			return fmt.Errorf("%w: leaf %d is missing", ErrLog, next)
		}
		next++
		leaf := &leaves[n-from]
		leaf.Commitment = i.Value[:feed.CommitmentSize:feed.CommitmentSize]
		fillErased(leaf, i.Value[feed.CommitmentSize:])
		if !bytes.Equal(leaf.Data(), i.Value) {
			return fmt.Errorf("%w: leaf %d has other records", ErrLog, n)
		}
		return ctx.Err()
	})
	if err == nil && next != to {
		err = fmt.Errorf("%w: leaf %d is missing", ErrLog, next)
	}
	return leaves, err
}

// lastRecord is the position after the newest leaf with records.
func lastRecord(tx *boltfile.Tx) (int64, error) {
	last, err := tx.Last(recordBucket)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	if len(last) != 10 {
		return 0, fmt.Errorf("%w: the key of a record", boltfile.ErrDamaged)
	}
	return int64(binary.BigEndian.Uint64(last)) + 1, nil
}
