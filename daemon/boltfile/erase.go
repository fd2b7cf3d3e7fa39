package boltfile

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Mark names the key of a subject: 16 bytes of a hash of it. It is the same in every copy of the
// file that holds the key, says nothing about the subject, and means nothing once the key is
// erased.
func (tx *Tx) Mark(subject string) (mark []byte, known bool, err error) {
	id, known, err := tx.keyNumber(subject)
	if err != nil || !known {
		return nil, false, err
	}
	key, err := tx.Get(keyBucket, Number(id))
	if err != nil {
		return nil, false, err
	}
	sum := sha256.Sum256(append([]byte("boltfile v1 mark"), key...))
	return sum[:16], true, nil
}

// keyNumber finds the number of the key a subject has now.
func (tx *Tx) keyNumber(subject string) (uint64, bool, error) {
	number, err := tx.Get(subjectBucket, tx.keys.blindName("subject", subject))
	switch {
	case errors.Is(err, ErrAbsent):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case len(number) != 8:
		return 0, false, ErrDamaged
	}
	return binary.BigEndian.Uint64(number), true, nil
}

// ForEachOf is ForEach for the values sealed under the key a subject has now, or under the file's
// own for "". Others are passed over unopened, and so are those whose key keep does not want.
func (tx *Tx) ForEachOf(subject, bucket string, from, to []byte, keep func(key []byte) bool,
	do func(Item) error) error {
	form, id := formFile, uint64(0)
	if subject != "" {
		number, known, err := tx.keyNumber(subject)
		if err != nil || !known {
			return err
		}
		form, id = formSubject, number
	}
	open := func(key, stored []byte) (item Item, mine bool, err error) {
		f, err := decodeFrame(stored)
		if err != nil || f.form != form || f.keyID != id || keep != nil && !keep(key) {
			return Item{}, false, err
		}
		value, err := tx.open(bucket, key, stored)
		return Item{Key: key, Value: value}, true, err
	}
	return tx.walk(bucket, from, to, open, do)
}

// Adopt seals a value of the file's own anew under the key of a subject, so that it is erased with
// that key.
func (tx *Tx) Adopt(subject, bucket string, key []byte) error {
	value, err := tx.Get(bucket, key)
	if err != nil {
		return err
	}
	return tx.PutFor(subject, bucket, key, value)
}

// Buckets lists what the file has, its own among them, but for the header.
func (tx *Tx) Buckets() ([]string, error) {
	var names []string
	err := guarded(func() error {
		return tx.bolt.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if string(name) != headerBucket {
				names = append(names, string(name))
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list buckets: %w", err)
	}
	return names, nil
}
