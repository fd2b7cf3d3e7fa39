package boltfile

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// The header row is the one value that is not sealed as a whole, so that a file can be told apart
// before its key is at hand:
//
//	4 bytes   length of the text
//	          the text: Header as JSON
//	16 bytes  which key this is: see keyMark
//	24 bytes  nonce
//	48 bytes  the file's own key, sealed under the caller's key with the text as associated data
//	32 bytes  SHA-256 of all that
//
// A file has a key of its own so that another one can open it (a new key of the desk, the recovery
// key of a backup) by rewriting this row and nothing else.
const (
	headerBucket = "boltfile.header"
	markSize     = 16
	headerFixed  = 4 + markSize + chacha20poly1305.NonceSizeX + KeySize +
		chacha20poly1305.Overhead + sha256.Size
)

// Header is what a file says of itself.
type Header struct {
	Kind      string
	Schema    int
	ID        string
	Created   time.Time
	Feed      string
	Epoch     int
	Continues string
}

// headerParts is the row taken apart.
type headerParts struct {
	text, mark, nonce, box []byte
}

// encode puts the row together and adds the checksum.
func (p headerParts) encode() []byte {
	row := binary.BigEndian.AppendUint32(nil, uint32(len(p.text)))
	row = append(row, p.text...)
	row = append(row, p.mark...)
	row = append(row, p.nonce...)
	row = append(row, p.box...)
	sum := sha256.Sum256(row)
	return append(row, sum[:]...)
}

// decodeHeader takes a row apart, or reports damage. The checksum is what tells a flipped bit from
// a wrong key.
func decodeHeader(row []byte) (headerParts, error) {
	if len(row) < headerFixed {
		return headerParts{}, ErrDamaged
	}
	size := binary.BigEndian.Uint32(row)
	if uint64(size) != uint64(len(row)-headerFixed) {
		return headerParts{}, ErrDamaged
	}
	body, sum := row[:len(row)-sha256.Size], row[len(row)-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) {
		return headerParts{}, ErrDamaged
	}
	text, rest := body[4:4+size], body[4+size:]
	mark, rest := rest[:markSize], rest[markSize:]
	nonce, box := rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:]
	return headerParts{text, mark, nonce, box}, nil
}

// writeHeader seals the file's key under the caller's and writes the row.
func writeHeader(tx *Tx, h Header, file [KeySize]byte, key []byte) error {
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode header: %w", err)
	}
	wrap := newAEAD(derive(key, "wrap"))
	nonce := make([]byte, wrap.NonceSize())
	_, _ = rand.Read(nonce)
	row := headerParts{text, keyMark(key, h.ID), nonce, wrap.Seal(nil, nonce, file[:], text)}
	bucket, err := tx.bucket(headerBucket)
	if err != nil {
		return err
	}
	return guarded(func() error { return bucket.Put([]byte("header"), row.encode()) })
}

// readHeader tells the file apart, in the order that gives the most useful sentence, and takes its
// key out.
func (f *File) readHeader(tx *Tx, o Options, key []byte) error {
	parts, h, err := loadHeader(tx)
	switch {
	case err != nil:
		return err
	case h.Kind != o.Kind:
		return fmt.Errorf("%w: it is a %q file, not a %q file", ErrKind, h.Kind, o.Kind)
	case h.Schema > o.schema():
		return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewer, h.Schema, o.schema())
	case h.Schema < 1:
		return ErrDamaged
	case subtle.ConstantTimeCompare(parts.mark, keyMark(key, h.ID)) == 0:
		return ErrWrongKey
	}
	file, err := newAEAD(derive(key, "wrap")).Open(nil, parts.nonce, parts.box, parts.text)
	if err != nil {
		return fmt.Errorf("%w: the header was changed", ErrDamaged)
	}
	f.header, f.keys = h, deriveKeys([KeySize]byte(file))
	return nil
}

func loadHeader(tx *Tx) (headerParts, Header, error) {
	bucket, err := tx.bucket(headerBucket)
	if err != nil {
		return headerParts{}, Header{}, fmt.Errorf("%w: it has no header", ErrDamaged)
	}
	var row []byte
	err = guarded(func() error {
		row = bytes.Clone(bucket.Get([]byte("header")))
		return nil
	})
	if err != nil {
		return headerParts{}, Header{}, err
	}
	parts, err := decodeHeader(row)
	if err != nil {
		return headerParts{}, Header{}, fmt.Errorf("%w: in the header", err)
	}
	var h Header
	if err := json.Unmarshal(parts.text, &h); err != nil {
		return headerParts{}, Header{}, errors.Join(ErrDamaged, err)
	}
	return parts, h, nil
}
