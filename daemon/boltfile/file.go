// Package boltfile keeps one bbolt file safe: made once, replaced by nothing but its own
// compaction, opened by one process, refused with a sentence when it is exposed, locked, newer,
// damaged or under another key. The small files beside it (keys, cards, marks) are made, replaced
// and removed here, too, so that a power cut leaves the whole of one or nothing.
//
// bbolt has no checksum over its pages, so a flipped bit in a value goes unnoticed. Here every
// value is sealed (AEAD) together with its bucket, its key and a revision: a changed value, and a
// value moved to another place, are noticed when they are read. An old value put back in its own
// place and an old copy of the whole file are not: the log above this package is what tells those.
// Values may be sealed for a subject, and nobody reads them once that subject's key is erased and
// the file was compacted.
//
// The package refuses to know what the values mean, who wrote them and when a file is made.
package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	// KeySize is the length of the key a file is opened with.
	KeySize = 32

	// lockTimeout is how long Open waits for another process: long enough for one that is just
	// ending, short enough for somebody who waits at a terminal.
	lockTimeout = time.Second

	// mapSize is mapped at once, which costs address space and no memory. A file that outgrows its
	// map is mapped anew, and that makes the writer wait for every reader (bbolt, Options).
	mapSize = 1 << 30
)

// Options say what a file is and where.
type Options struct {
	Path string
	// Kind is whose file it is, for example "desk".
	Kind string
	// Buckets are the tables there must be; those missing are made.
	Buckets []string
	// Migrations bring older files up: number i turns schema i+1 into i+2. The newest schema is one
	// more than there are migrations.
	Migrations []func(*Tx) error
	// Commit, when set, stands between a transaction, or the name of a compacted file, and the disk,
	// so that a test can let a commit fail before it happens or after.
	Commit func(commit func() error) error
}

func (o Options) schema() int { return len(o.Migrations) + 1 }

// File is an open file.
type File struct {
	path string
	// writer is held by whoever writes, and by Compact; open guards db, which Compact replaces.
	writer sync.Mutex
	open   sync.RWMutex
	db     *bbolt.DB
	keys   keys
	header Header
	commit func(func() error) error
	// uncertain is set by the first commit whose outcome is unknown.
	uncertain atomic.Bool
	// compaction is held by Compact until what it replaced is overwritten.
	compaction sync.Mutex
	// compacting is set while Compact keeps writers waiting.
	compacting atomic.Bool
}

// Open opens an existing file with its key. It makes nothing up: what is missing is refused.
func Open(o Options, key []byte) (*File, error) {
	f, err := open(o, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	return f, nil
}

func open(o Options, key []byte) (*File, error) {
	if len(key) != KeySize {
		return nil, ErrKey
	}
	info, err := inspect(o.Path)
	if err != nil {
		return nil, err
	}
	db, err := openBolt(o.Path)
	if err != nil {
		return nil, err
	}
	// What a compaction left that did not come to its end.
	_ = os.Remove(compactPath(o.Path))
	f := &File{path: o.Path, db: db, commit: o.Commit}
	if err := f.unlock(o, key, info.Size()); err != nil {
		_ = db.Close()
		return nil, err
	}
	// What cannot be overwritten now fails the next compaction, which who erased tries again.
	_ = forgetOld(o.Path)
	return f, nil
}

// inspect looks at the file from outside.
func inspect(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrMissing
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0:
		return nil, ErrExposed
	case info.Size() == 0:
		// bbolt would make an empty file into a new one.
		return nil, ErrDamaged
	}
	return info, nil
}

// openBolt opens the file as bbolt sees it. A damaged file can make bbolt panic and keep its lock
// and its map: the lock is given up here by hand, as closing the handle does not while it is
// mapped.
func openBolt(path string) (db *bbolt.DB, err error) {
	var handle *os.File
	err = guarded(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:         lockTimeout,
			FreelistType:    bbolt.FreelistMapType,
			InitialMmapSize: mapSize,
			NoStatistics:    true,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				handle, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				if err == nil {
					err = settle(handle)
				}
				return handle, err
			},
		})
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case errors.Is(err, ErrDamaged) && handle != nil:
		_ = syscall.Flock(int(handle.Fd()), syscall.LOCK_UN)
		_ = handle.Close()
	}
	return nil, err
}

// unlock reads the header, brings an older file up and makes the buckets there must be.
func (f *File) unlock(o Options, key []byte, size int64) error {
	err := f.view(func(tx *Tx) error {
		if tx.bolt.Size() > size {
			return fmt.Errorf("%w: it was cut short", ErrDamaged)
		}
		return f.readHeader(tx, o, key)
	})
	if err != nil {
		return err
	}
	if f.header.Schema == o.schema() && f.complete(o.Buckets) {
		return nil
	}
	return f.Update(func(tx *Tx) error {
		if err := tx.makeBuckets(o.Buckets); err != nil {
			return err
		}
		for _, migrate := range o.Migrations[f.header.Schema-1:] {
			if err := migrate(tx); err != nil {
				return fmt.Errorf("migrate from schema %d: %w", f.header.Schema, err)
			}
			f.header.Schema++
		}
		return writeHeader(tx, f.header, f.keys.file, key)
	})
}

func (f *File) complete(buckets []string) bool {
	err := f.view(func(tx *Tx) error {
		for _, name := range buckets {
			if _, err := tx.bucket(name); err != nil {
				return err
			}
		}
		return nil
	})
	return err == nil
}

// Header tells what the file says of itself.
func (f *File) Header() Header { return f.header }

// Update runs do in the one writing transaction and makes it durable. An error of do changes
// nothing. An error that wraps ErrCommit may or may not have changed the disk; from then on the
// file takes no more writes.
func (f *File) Update(do func(*Tx) error) error {
	f.writer.Lock()
	defer f.writer.Unlock()
	if f.uncertain.Load() {
		return ErrCommit
	}
	bolt, err := f.db.Begin(true)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// After a commit this does nothing but return an error.
	defer func() { _ = guarded(bolt.Rollback) }()
	if err := do(&Tx{bolt: bolt, keys: f.keys}); err != nil {
		return err
	}
	if err := f.durable(func() error { return guarded(bolt.Commit) }); err != nil {
		f.uncertain.Store(true)
		return fmt.Errorf("%w: %w", ErrCommit, err)
	}
	return nil
}

// durable brings something to the disk.
func (f *File) durable(commit func() error) error {
	if f.commit != nil {
		return f.commit(commit)
	}
	return commit()
}

// View runs do on the newest committed state. It must be short: pages that were freed meanwhile are
// kept for it.
func (f *File) View(do func(*Tx) error) error { return f.view(do) }

func (f *File) view(do func(*Tx) error) error {
	f.open.RLock()
	defer f.open.RUnlock()
	bolt, err := f.db.Begin(false)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = bolt.Rollback() }()
	return do(&Tx{bolt: bolt, keys: f.keys})
}

// Close waits for the transactions under way and gives the file back.
func (f *File) Close() error {
	f.writer.Lock()
	defer f.writer.Unlock()
	if err := f.db.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// guarded makes an error of what bbolt panics with on a damaged page, and of the fault of reading
// beyond the end of a file that was cut short under the map. It runs bbolt's code only: a panic of
// a caller's own is a mistake in the program and stays a panic.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return do()
}
