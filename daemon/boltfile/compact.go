package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// copyStep is how much of a compaction is one transaction of the new file.
const copyStep = 8 << 20

// Compaction says what Compact did.
type Compaction struct {
	// Before and After are the sizes of the file in bytes.
	Before, After int64
	// Took is how long nobody could write.
	Took time.Duration
}

// Compact writes what the file holds into a new one and puts that in its place. What was deleted or
// overwritten, and stands in free pages until they are reused, is not in the new one: that is when
// an erased key is gone. Writers wait meanwhile, readers only for the moment of the change.
//
// The new file is whole and synced under another name before it is renamed into place, so that a
// power cut leaves the old one or the new one. The old one is overwritten before it is given back,
// by the next Open or Compact if this one is cut short; a disk that writes elsewhere than it is
// told, as flash does, may keep it all the same.
//
// An error that wraps ErrCommit means that it is not known which one the disk has.
func (f *File) Compact() (Compaction, error) {
	c, err := f.compact()
	if err != nil {
		return Compaction{}, fmt.Errorf("compact %s: %w", f.path, err)
	}
	return c, nil
}

func (f *File) compact() (c Compaction, err error) {
	f.compaction.Lock()
	defer f.compaction.Unlock()
	if f.uncertain.Load() {
		return c, ErrCommit // the old file may be the one that is read
	}
	if err := forgetOld(f.path); err != nil {
		return c, err
	}
	if c, err = f.renew(); errors.Is(err, ErrCommit) {
		return c, err // the old file may be the one the disk has
	}
	return c, errors.Join(err, forgetOld(f.path))
}

// Compacting says whether writers wait for a compaction now, so that a watchdog does not take that
// for a writer that hangs.
func (f *File) Compacting() bool { return f.compacting.Load() }

// renew makes the new file and goes on with it.
func (f *File) renew() (c Compaction, err error) {
	f.writer.Lock()
	defer f.writer.Unlock()
	f.compacting.Store(true)
	defer f.compacting.Store(false)
	if f.uncertain.Load() {
		return c, ErrCommit
	}
	began, draft := time.Now(), compactPath(f.path)
	defer func() { _ = os.Remove(draft) }() // does nothing once it was renamed
	if err := f.copyTo(draft); err != nil {
		return c, err
	}
	if c.Before, c.After, err = sizes(f.path, draft); err != nil {
		return c, err
	}
	if err := keepOld(f.path); err != nil {
		return c, err
	}
	if err := f.replace(draft); err != nil {
		return c, err
	}
	c.Took = time.Since(began)
	return c, nil
}

// compactPath is where the new file is made. One process has the old one open, so one name is
// enough.
func compactPath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".compact")
}

// copyTo copies every bucket, key and value that is not free, and syncs the copy: once, at the end,
// as nobody relies on it before.
func (f *File) copyTo(draft string) error {
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(draft, 0o600, &bbolt.Options{Timeout: lockTimeout, NoSync: true,
		NoGrowSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	var size int64
	err = guarded(func() error {
		if err := bbolt.Compact(db, f.db, copyStep); err != nil {
			return err
		}
		return db.View(func(tx *bbolt.Tx) error {
			size = tx.Size()
			return nil
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return trim(draft, size)
}

// trim gives a file the size it says it has, which it may not if its last pages are free, and
// syncs it.
func trim(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Sync(), file.Close())
}

func sizes(paths ...string) (first, second int64, err error) {
	a, err := os.Stat(paths[0])
	if err != nil {
		return 0, 0, err
	}
	b, err := os.Stat(paths[1])
	if err != nil {
		return 0, 0, err
	}
	return a.Size(), b.Size(), nil
}

// replace renames the new file into place and goes on with it. Once the name is changed there is no
// way back: what fails after that leaves it unknown which file a power cut would leave.
func (f *File) replace(draft string) error {
	if err := f.alone(); err != nil {
		return err
	}
	defer f.open.Unlock()
	if err := os.Rename(draft, f.path); err != nil {
		return err
	}
	err := f.durable(func() error { return syncDir(filepath.Dir(f.path)) })
	var db *bbolt.DB
	if err == nil {
		db, err = openBolt(f.path)
	}
	if err != nil {
		f.uncertain.Store(true)
		return fmt.Errorf("%w: %w", ErrCommit, err)
	}
	old := f.db
	f.db = db
	_ = old.Close() // nobody will read it again
	return nil
}

// aloneFor is how long a compaction waits for whoever reads.
const aloneFor = 10 * time.Second

// alone waits until nobody reads and keeps nobody from it meanwhile: a backup may read for long,
// and who comes after it should not have to wait for both.
func (f *File) alone() error {
	for over := time.Now().Add(aloneFor); !f.open.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			return errors.New("somebody reads the file for long; it can be tried again")
		}
	}
	return nil
}
