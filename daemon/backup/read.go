package backup

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Reader reads one backup, from its beginning to its end.
type Reader struct {
	// Header is what the file says of itself. It was bound to the key that opened.
	Header Header

	from   *bufio.Reader
	aead   cipher.AEAD
	sealed []byte
	rest   []byte
	number uint64
	ended  bool
	// left is what is not read of the part under way.
	left int64
	// over: the last part was read.
	over bool
}

// ReadHeader tells what a file is without any key. Nothing vouches for it.
func ReadHeader(r io.Reader) (Header, error) {
	_, h, err := readText(r)
	return h, err
}

// Open opens a backup with the private half of its recovery key.
func Open(r io.Reader, private secret.Key) (*Reader, error) {
	text, h, err := readText(r)
	if err != nil {
		return nil, err
	}
	wrapped := make([]byte, feed.WrapOverhead+keySize)
	if _, err := io.ReadFull(r, wrapped); err != nil {
		return nil, damaged(err)
	}
	key, err := feed.UnwrapKey(private, wrapped, text)
	if err != nil {
		return nil, fmt.Errorf("open a backup made for recovery key %s: %w", h.Recovery, err)
	}
	defer key.Wipe()
	raw := key.Expose()
	defer clear(raw)
	if len(raw) != keySize {
		return nil, ErrDamaged
	}
	return newReader(h, r, raw), nil
}

// newReader reads what is in the chunks.
func newReader(h Header, r io.Reader, key []byte) *Reader {
	return &Reader{Header: h, from: bufio.NewReaderSize(r, chunkSize), aead: newAEAD(key),
		sealed: make([]byte, chunkSize+chacha20poly1305.Overhead)}
}

func readText(r io.Reader) ([]byte, Header, error) {
	head := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return nil, Header{}, ErrNot
	}
	size := binary.BigEndian.Uint32(head[len(magic):])
	if size > maxText {
		return nil, Header{}, ErrDamaged
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, Header{}, damaged(err)
	}
	var h Header
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, Header{}, ErrDamaged
	}
	return text, h, nil
}

// damaged tells a file that ends too soon from one that cannot be read.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrDamaged
	}
	return err
}

// Next goes to the next part, passing over what is left of the one before. It returns io.EOF after
// the last one, and only if the file ends there.
func (r *Reader) Next() (name string, size int64, err error) {
	if r.over {
		return "", 0, io.EOF
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return "", 0, err
	}
	var one [1]byte
	if err := r.full(one[:]); err != nil {
		return "", 0, err
	}
	if one[0] == 0 {
		return "", 0, r.end()
	}
	head := make([]byte, int(one[0])+8)
	if err := r.full(head); err != nil {
		return "", 0, err
	}
	length := binary.BigEndian.Uint64(head[one[0]:])
	if int64(length) < 0 {
		return "", 0, ErrDamaged
	}
	r.left = int64(length)
	return string(head[:one[0]]), r.left, nil
}

// end is io.EOF if nothing follows the last part.
func (r *Reader) end() error {
	if len(r.rest) > 0 {
		return ErrDamaged
	}
	if !r.ended {
		if err := r.fill(); !errors.Is(err, io.EOF) {
			return ErrDamaged
		}
	}
	r.over = true
	return io.EOF
}

// Read implements io.Reader on the part under way.
func (r *Reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(r.rest) == 0 {
		if err := r.fill(); err != nil {
			return 0, damaged(err)
		}
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.rest)
	clear(r.rest[:n])
	r.rest, r.left = r.rest[n:], r.left-int64(n)
	return n, nil
}

// full reads exactly len(p) bytes of what stands between the parts.
func (r *Reader) full(p []byte) error {
	r.left = int64(len(p))
	_, err := io.ReadFull(r, p)
	return damaged(err)
}

// fill opens the next chunk.
func (r *Reader) fill() error {
	for len(r.rest) == 0 {
		if r.ended {
			return io.EOF
		}
		n, err := io.ReadFull(r.from, r.sealed)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return err
		}
		_, err = r.from.Peek(1)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		r.ended = err != nil
		r.rest, err = r.aead.Open(r.sealed[:0], nonce(r.number, r.ended), r.sealed[:n], nil)
		if err != nil {
			return ErrDamaged
		}
		r.number++
	}
	return nil
}

// Is reports whether these are the first bytes of a backup.
func Is(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
