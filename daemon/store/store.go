// Package store is the one write path: it makes a Change durable, then visible.
//
// Live rows are in memory (go-memdb) and, sealed, in one file; entries, records, the Merkle log and
// the rows that are no longer live are in the file alone, written by the same commit. The file is
// synced before anybody can see the change, so memory is never ahead of the disk. A commit whose
// outcome is unknown stops the store for good: only a new start reads what is true.
//
// What is about a person is sealed under their key, so that erasing the key erases it and leaves
// the hashes of the log; a copy can be taken while the store is written, and begun anew as the
// store of a restored desk.
//
// The package refuses to know what rows, entries and records mean: it asks them where they belong
// and decides nothing.
package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-memdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Kind is what a desk's file says it is.
const Kind = "desk"

// What a store can refuse.
var (
	// ErrInvalid: the change could not be written as it is, and nothing was.
	ErrInvalid = errors.New("the change is not valid")
	// ErrStopped: an earlier commit has an unknown outcome, or the store was closed.
	ErrStopped = errors.New("the store has stopped")
	// ErrLog: the log in the file does not fit together or does not fit what was signed of it.
	ErrLog = errors.New("the log in the file is not the one that was signed")
	// ErrRange: the log has no such position.
	ErrRange = errors.New("the log has no such position")
)

// Options are what a store needs.
type Options struct {
	// Path of the file.
	Path string
	// Key of the desk, boltfile.KeySize bytes.
	Key secret.Key
	// Desk is stamped on entries and names the log.
	Desk provisioning.DeskID
	// Signer signs checkpoints.
	Signer note.Signer
	// Fatal is called once, outside every lock, when it is not known whether a commit is on the
	// disk. It should end the process. The default panics.
	Fatal func(error)
	// Clock gives the time of an entry that has none, and of the file's making.
	Clock func() time.Time
	// Commit stands between a commit and the disk: see boltfile.Options. Tests set it.
	Commit func(commit func() error) error
}

func (o Options) check() error {
	switch {
	case o.Desk == "":
		return errors.New("a store needs the id of its desk")
	case o.Signer == nil:
		return errors.New("a store needs a signer")
	case o.Clock == nil:
		return errors.New("a store needs a clock")
	}
	return nil
}

func (o Options) file() boltfile.Options {
	return boltfile.Options{Path: o.Path, Kind: Kind, Buckets: buckets(), Commit: o.Commit}
}

// Store implements provisioning.Ledger.
type Store struct {
	desk provisioning.DeskID
	// signers sign checkpoints: one key, or two while it is renewed.
	signers atomic.Pointer[[]note.Signer]
	fatal   func(error)
	clock   func() time.Time

	file   *boltfile.File
	mem    *memdb.MemDB
	codecs map[provisioning.Kind]codec

	queue queue
	// writer is held by the goroutine that commits; it guards what follows.
	writer  sync.Mutex
	stopped bool
	// signed is the size of the newest checkpoint in the file.
	signed int64
}

var _ provisioning.Ledger = (*Store)(nil)

// Create makes the file of a new desk, with a new feed. It refuses one that exists.
func Create(o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never errs (crypto/rand)
	key := o.Key.Expose()
	defer clear(key)
	return boltfile.Create(o.file(), key, boltfile.Birth{
		Created: o.Clock(), Feed: hex.EncodeToString(id[:])})
}

// Open opens the file, checks that the log in it fits the newest checkpoint signed of it, and
// brings the live rows into memory.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	key := o.Key.Expose()
	defer clear(key)
	file, err := boltfile.Open(o.file(), key)
	if err != nil {
		return nil, err
	}
	s := &Store{desk: o.Desk, fatal: o.Fatal, clock: o.Clock, file: file, codecs: newCodecs()}
	s.SignWith(o.Signer)
	if s.fatal == nil {
		s.fatal = func(err error) { panic(err) }
	}
	if err := s.load(ctx); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	return s, nil
}

// Feed is the id of the feed whose positions this store counts.
func (s *Store) Feed() string { return s.file.Header().Feed }

// Origin names the log in checkpoints.
func (s *Store) Origin() string { return feed.Origin(string(s.desk), s.Feed()) }

// Close signs a last checkpoint and closes the file. Every later call that needs it errs.
func (s *Store) Close() error {
	s.writer.Lock()
	defer s.writer.Unlock()
	var err error
	if !s.stopped && s.signed != s.Head() {
		err = s.file.Update(func(tx *boltfile.Tx) error { return s.sign(tx, s.Head()) })
	}
	s.stopped = true
	return errors.Join(err, s.file.Close())
}
