package boltfile

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

// A subject is a person whose values can be erased together. Each has a random key, sealed like any
// value under the file's own key, and every value of theirs names that key by number. Erasing
// overwrites the key with nothing: what it sealed can be told as erased, not damaged, and a subject
// that comes back later gets another key. The old page with the key stays in the file until it is
// reused or the file is compacted, and in every backup until that expires.
const (
	// keyBucket holds number -> key, or nothing once erased.
	keyBucket = "boltfile.keys"
	// subjectBucket holds the blinded name of a subject -> number of the key in use.
	subjectBucket = "boltfile.subjects"
)

// subjectKey finds the key in use, or makes one.
func (tx *Tx) subjectKey(subject string) (uint64, cipher.AEAD, error) {
	name := tx.keys.blindName("subject", subject)
	number, err := tx.Get(subjectBucket, name)
	switch {
	case errors.Is(err, ErrAbsent):
		return tx.makeKey(name)
	case err != nil:
		return 0, nil, err
	case len(number) != 8:
		return 0, nil, ErrDamaged
	}
	id := binary.BigEndian.Uint64(number)
	aead, err := tx.keyByID(id)
	return id, aead, err
}

func (tx *Tx) makeKey(name []byte) (uint64, cipher.AEAD, error) {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never errs (crypto/rand)
	id, err := tx.Append(keyBucket, key)
	if err != nil {
		return 0, nil, err
	}
	if err := tx.Put(subjectBucket, name, Number(id)); err != nil {
		return 0, nil, err
	}
	return id, newAEAD(key), nil
}

func (tx *Tx) keyByID(id uint64) (cipher.AEAD, error) {
	key, err := tx.Get(keyBucket, Number(id))
	switch {
	case errors.Is(err, ErrAbsent):
		// Erasing leaves an empty key behind: one that is gone altogether was taken away.
		return nil, fmt.Errorf("%w: a key is missing", ErrDamaged)
	case err != nil:
		return nil, err
	case len(key) == 0:
		return nil, ErrErased
	case len(key) != KeySize:
		return nil, ErrDamaged
	}
	return newAEAD(key), nil
}

// EraseKey erases everything that was written for a subject, and reports whether there was
// anything.
func (tx *Tx) EraseKey(subject string) (bool, error) {
	name := tx.keys.blindName("subject", subject)
	number, err := tx.Get(subjectBucket, name)
	switch {
	case errors.Is(err, ErrAbsent):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := tx.Put(keyBucket, number, nil); err != nil {
		return false, err
	}
	return true, tx.Delete(subjectBucket, name)
}

// EraseKey is Tx.EraseKey in a transaction of its own.
func (f *File) EraseKey(subject string) (found bool, err error) {
	err = f.Update(func(tx *Tx) (err error) {
		found, err = tx.EraseKey(subject)
		return err
	})
	return found, err
}

// open opens a stored value with the key it names.
func (tx *Tx) open(bucket string, key, stored []byte) ([]byte, error) {
	f, err := decodeFrame(stored)
	if err != nil {
		return nil, err
	}
	aead := tx.keys.values
	if f.form == formSubject {
		if aead, err = tx.keyByID(f.keyID); err != nil {
			return nil, err
		}
	}
	return f.open(aead, bucket, key)
}

func (tx *Tx) openOrErased(bucket string, key, stored []byte) ([]byte, bool, error) {
	value, err := tx.open(bucket, key, stored)
	if errors.Is(err, ErrErased) {
		return nil, true, nil
	}
	return value, false, err
}
