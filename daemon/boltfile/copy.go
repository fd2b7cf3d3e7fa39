package boltfile

import (
	"fmt"
	"io"
	"sync"
)

// Copy is a consistent copy of a file, as it was when it was begun: writers go on meanwhile.
type Copy struct {
	tx    *Tx
	close func()
	// Size is how many bytes Write will give.
	Size int64
}

// Copy begins a copy. It must be closed soon: pages that are freed meanwhile are kept for it.
func (f *File) Copy() (*Copy, error) {
	f.open.RLock() // a compaction would put another file in the place of the one that is copied
	bolt, err := f.db.Begin(false)
	if err != nil {
		f.open.RUnlock()
		return nil, fmt.Errorf("begin a copy: %w", err)
	}
	return &Copy{tx: &Tx{bolt: bolt, keys: f.keys}, Size: bolt.Size(),
		close: sync.OnceFunc(func() {
			_ = bolt.Rollback()
			f.open.RUnlock()
		})}, nil
}

// Tx reads what the copy holds.
func (c *Copy) Tx() *Tx { return c.tx }

// WriteTo writes the copy. It opens under the same key as the file.
func (c *Copy) WriteTo(w io.Writer) (n int64, err error) {
	err = guarded(func() (err error) {
		n, err = c.tx.bolt.WriteTo(w)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("copy: %w", err)
	}
	return n, nil
}

// Close ends the copy.
func (c *Copy) Close() { c.close() }

// Rebirth makes a restored copy a file of its own, in one commit: a new key, a new feed, and
// whatever do writes. The values stay as they are, because they are sealed under the file's own
// key. The file goes on as what it was born as only after it was opened anew.
func (f *File) Rebirth(key []byte, b Birth, do func(*Tx) error) error {
	if len(key) != KeySize {
		return ErrKey
	}
	header := f.header
	header.Created, header.Feed, header.Epoch = b.Created.UTC(), b.Feed, b.Epoch
	header.Continues = b.Continues
	return f.Update(func(tx *Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return writeHeader(tx, header, f.keys.file, key)
	})
}
