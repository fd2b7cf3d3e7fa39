package boltfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.etcd.io/bbolt"
)

// Birth is what a file says of itself from the day it is made.
type Birth struct {
	Created time.Time
	// Feed is the id of the feed whose positions count in this file, if it has one.
	Feed string
	// Epoch counts how often the log was begun anew, and Continues is the checkpoint it goes on
	// from: both are zero but in a restored file.
	Epoch     int
	Continues string
}

// Create makes a file under a key and closes it. The whole file is made and synced under another
// name first, so that a power cut leaves either no file or a good one, and linked into place, which
// unlike a rename never replaces one that is there.
func Create(o Options, key []byte, b Birth) error {
	if err := create(o, key, b); err != nil {
		return fmt.Errorf("create %s: %w", o.Path, err)
	}
	return nil
}

func create(o Options, key []byte, b Birth) error {
	if len(key) != KeySize {
		return ErrKey
	}
	err := publish(o.Path, func(draft string) error { return fill(draft, o, key, b) })
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	return err
}

// fill makes the draft a file with its header and buckets.
func fill(path string, o Options, key []byte, b Birth) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if err != nil {
		return err
	}
	var id [16]byte
	var file [KeySize]byte
	_, _ = rand.Read(id[:]) // never errs (crypto/rand)
	_, _ = rand.Read(file[:])
	header := Header{Kind: o.Kind, Schema: o.schema(), ID: hex.EncodeToString(id[:]),
		Created: b.Created.UTC(), Feed: b.Feed, Epoch: b.Epoch, Continues: b.Continues}
	f := &File{db: db, keys: deriveKeys(file)}
	err = f.Update(func(tx *Tx) error {
		if err := tx.makeBuckets(append([]string{headerBucket, keyBucket, subjectBucket},
			o.Buckets...)); err != nil {
			return err
		}
		return writeHeader(tx, header, file, key)
	})
	return errors.Join(err, f.Close())
}
