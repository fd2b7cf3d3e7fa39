package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// Tx is one transaction. It is for one goroutine and ends with the function it was given to.
type Tx struct {
	bolt *bbolt.Tx
	keys keys
}

// Item is one value met by ForEach.
type Item struct {
	Key, Value []byte
	// Erased says that the value's key is gone, and with it Value.
	Erased bool
}

// Get reads a value, or returns an error that wraps ErrAbsent, ErrErased or ErrDamaged.
func (tx *Tx) Get(bucket string, key []byte) ([]byte, error) {
	b, err := tx.bucket(bucket)
	if err != nil {
		return nil, err
	}
	var value []byte
	err = guarded(func() (err error) {
		stored := b.Get(key)
		if stored == nil {
			return ErrAbsent
		}
		value, err = tx.open(bucket, key, stored)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get from %s: %w", bucket, err)
	}
	return value, nil
}

// Put writes a value under the file's own key.
func (tx *Tx) Put(bucket string, key, value []byte) error {
	return tx.put(bucket, key, value, "")
}

// PutFor writes a value under the key of a subject, which is made at its first use. Erasing that
// key erases the value.
func (tx *Tx) PutFor(subject, bucket string, key, value []byte) error {
	return tx.put(bucket, key, value, subject)
}

func (tx *Tx) put(bucket string, key, value []byte, subject string) error {
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	f, aead := frame{form: formFile}, tx.keys.values
	if subject != "" {
		f.form = formSubject
		if f.keyID, aead, err = tx.subjectKey(subject); err != nil {
			return fmt.Errorf("put into %s: %w", bucket, err)
		}
	}
	err = guarded(func() (err error) {
		if f.revision, err = b.NextSequence(); err != nil {
			return err
		}
		return b.Put(key, f.seal(aead, bucket, key, value).encode())
	})
	if err != nil {
		return fmt.Errorf("put into %s: %w", bucket, err)
	}
	return nil
}

// Append writes a value under the next number of a bucket that only grows, from 0, and returns the
// number.
func (tx *Tx) Append(bucket string, value []byte) (uint64, error) {
	return tx.AppendFor("", bucket, value)
}

// AppendFor is Append under the key of a subject.
func (tx *Tx) AppendFor(subject, bucket string, value []byte) (uint64, error) {
	next, err := tx.Count(bucket)
	if err != nil {
		return 0, err
	}
	b, err := tx.bucket(bucket)
	if err != nil {
		return 0, err
	}
	// What is never inserted between may fill its pages.
	b.FillPercent = 1
	return next, tx.put(bucket, Number(next), value, subject)
}

// Last is a copy of the greatest key of a bucket, or nil when it is empty.
func (tx *Tx) Last(bucket string) ([]byte, error) {
	b, err := tx.bucket(bucket)
	if err != nil {
		return nil, err
	}
	var last []byte
	err = guarded(func() error {
		key, _ := b.Cursor().Last()
		last = bytes.Clone(key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("end of %s: %w", bucket, err)
	}
	return last, nil
}

// Count is the number of values of a bucket that is only appended to.
func (tx *Tx) Count(bucket string) (uint64, error) {
	last, err := tx.Last(bucket)
	switch {
	case err != nil:
		return 0, err
	case last == nil:
		return 0, nil
	case len(last) != 8:
		return 0, fmt.Errorf("count %s: %w", bucket, ErrDamaged)
	}
	return binary.BigEndian.Uint64(last) + 1, nil
}

// Number is the key of an appended value.
func Number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Delete removes a value. Removing what is not there is no error.
func (tx *Tx) Delete(bucket string, key []byte) error {
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	if err := guarded(func() error { return b.Delete(key) }); err != nil {
		return fmt.Errorf("delete from %s: %w", bucket, err)
	}
	return nil
}

// ForEach gives the values with from <= key < to in key order; an empty bound is no bound. Key is
// good until do returns, Value may be kept. do must not change the bucket.
func (tx *Tx) ForEach(bucket string, from, to []byte, do func(Item) error) error {
	open := func(key, stored []byte) (item Item, _ bool, err error) {
		item.Key = key
		item.Value, item.Erased, err = tx.openOrErased(bucket, key, stored)
		return item, true, err
	}
	return tx.walk(bucket, from, to, open, do)
}

// walk gives do what open opens, in key order, and passes over what it says is not wanted.
func (tx *Tx) walk(bucket string, from, to []byte,
	open func(key, stored []byte) (item Item, wanted bool, err error), do func(Item) error) error {
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	cursor := b.Cursor()
	step := func() (key, stored []byte) { return cursor.Seek(from) }
	for {
		var item Item
		var over, wanted bool
		err := guarded(func() (err error) {
			key, stored := step()
			over = key == nil || len(to) > 0 && bytes.Compare(key, to) >= 0
			if !over {
				item, wanted, err = open(key, stored)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read %s: %w", bucket, err)
		}
		if over {
			return nil
		}
		if wanted {
			if err := do(item); err != nil {
				return err
			}
		}
		step = cursor.Next
	}
}

func (tx *Tx) bucket(name string) (*bbolt.Bucket, error) {
	var b *bbolt.Bucket
	err := guarded(func() error {
		b = tx.bolt.Bucket([]byte(name))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	if b == nil {
		return nil, fmt.Errorf("bucket %s: %w", name, ErrAbsent)
	}
	return b, nil
}

func (tx *Tx) makeBuckets(names []string) error {
	for _, name := range names {
		err := guarded(func() error {
			_, err := tx.bolt.CreateBucketIfNotExists([]byte(name))
			return err
		})
		if err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return nil
}
