package boltfile

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Report says what Check saw.
type Report struct {
	// Values were opened; Erased are those whose subject was erased; Damaged do not open.
	Values, Erased, Damaged int
}

// Check looks at every page and opens every value. It keeps writers out while it looks at the
// pages, so it belongs before the work of the day or on a copy. The report is good as far as it
// got, also with an error.
func (f *File) Check(ctx context.Context) (Report, error) {
	if err := f.checkPages(); err != nil {
		return Report{}, fmt.Errorf("check pages: %w", err)
	}
	var r Report
	err := f.view(func(tx *Tx) error {
		return tx.bolt.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if string(name) == headerBucket {
				_, _, err := loadHeader(tx)
				return err
			}
			return r.count(ctx, tx, string(name), b)
		})
	})
	if err == nil && r.Damaged > 0 {
		err = fmt.Errorf("%w: %d of %d values do not open", ErrDamaged, r.Damaged, r.Values)
	}
	if err != nil {
		return r, fmt.Errorf("check values: %w", err)
	}
	return r, nil
}

func (r *Report) count(ctx context.Context, tx *Tx, name string, b *bbolt.Bucket) error {
	cursor := b.Cursor()
	step := cursor.First
	for {
		var key []byte
		err := guarded(func() (err error) {
			var stored []byte
			if key, stored = step(); key == nil {
				return nil
			}
			var erased bool
			r.Values++
			_, erased, err = tx.openOrErased(name, key, stored)
			if erased {
				r.Erased++
			}
			return err
		})
		switch {
		case errors.Is(err, ErrDamaged) && key != nil:
			r.Damaged++
		case err != nil:
			return err
		case key == nil:
			return ctx.Err()
		}
		if r.Values%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		step = cursor.Next
	}
}

// checkPages runs bbolt's own check, which reads the list of free pages and so must be alone: it
// holds the writing transaction, and changes nothing.
func (f *File) checkPages() error {
	f.writer.Lock()
	defer f.writer.Unlock()
	bolt, err := f.db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = bolt.Rollback() }()
	var first error
	for err := range bolt.Check() {
		if first == nil {
			first = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return first
}
