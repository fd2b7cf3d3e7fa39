package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// KindErase closes what a desk published about one person, who was erased. From then on the feed
// shows those records by their hashes alone (Record.Erased): their leaves still hash, and nothing
// in them can be opened by anybody.
//
// A hash in the place of a record is also how a desk could hide one. So each must be named by an
// erasure further on in the same signed log, before the end of it is reached; and a follower that
// has seen the records holds the erasure against them.
//
// Credential is the mark of the person: an opaque id that means something only in a copy of the
// desk's file from before. The list of records is in Sealed, in the clear: ids and hashes of random
// bytes.
const KindErase Kind = "erase"

// Erased names one record that is gone.
type Erased struct {
	// Record and Credential are the ids it had.
	Record, Credential string
	Hash               [sha256.Size]byte
}

// The body of an erasure: a tag, then for each record its id, its credential and its hash.
const (
	tagErase   = 'E'
	idSize     = 16
	erasedSize = 2*idSize + sha256.Size

	// MaxErased is how many records one erasure names; a person with more has several.
	MaxErased = 120
)

// Erasure makes the record that closes others. The list may be empty: then the person was never the
// subject of a record, and only their mark is told.
func Erasure(rec Record, mark string, list []Erased) (Record, error) {
	if len(list) > MaxErased {
		return Record{}, fmt.Errorf("%w: an erasure of %d records", ErrBody, len(list))
	}
	body := []byte{tagErase}
	for _, e := range list {
		for _, id := range []string{e.Record, e.Credential} {
			raw, err := hex.DecodeString(id)
			if err != nil || len(raw) != idSize {
				return Record{}, fmt.Errorf("%w: the id of an erased record", ErrBody)
			}
			body = append(body, raw...)
		}
		body = append(body, e.Hash[:]...)
	}
	rec.Kind, rec.Credential, rec.Sealed = KindErase, mark, body
	rec.At = rec.At.UTC().Truncate(time.Millisecond)
	return rec, nil
}

// Erasure lists the records that a KindErase record closes.
func (r Record) Erasure() ([]Erased, error) {
	if r.Kind != KindErase || len(r.Sealed) == 0 || r.Sealed[0] != tagErase ||
		(len(r.Sealed)-1)%erasedSize != 0 || len(r.Sealed) > 1+MaxErased*erasedSize {
		return nil, fmt.Errorf("%w: erasure", ErrMalformed)
	}
	var list []Erased
	for rest := r.Sealed[1:]; len(rest) > 0; rest = rest[erasedSize:] {
		list = append(list, Erased{Record: hex.EncodeToString(rest[:idSize]),
			Credential: hex.EncodeToString(rest[idSize : 2*idSize]),
			Hash:       [sha256.Size]byte(rest[2*idSize : erasedSize])})
	}
	return list, nil
}

// checkErased: a record that was erased has a hash and nothing else.
func (r Record) checkErased() error {
	if len(r.Erased) != sha256.Size {
		return fmt.Errorf("%w: the hash of an erased record", ErrMalformed)
	}
	bare := Record{At: r.At}
	if !r.At.IsZero() || !bytes.Equal(bare.Canonical(), r.Canonical()) {
		return fmt.Errorf("%w: something is left of an erased record", ErrMalformed)
	}
	return nil
}
