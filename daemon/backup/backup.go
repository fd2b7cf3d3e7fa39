// Package backup is the one file that holds a whole desk: named parts in a stream of sealed chunks
// under a key of its own, which is wrapped to an offline recovery key. It can be written by whoever
// has the public half, and read with the private half alone.
//
// The package refuses to know what the parts are, where the file lies, and how it is made durable.
//
// The layout, big endian:
//
//	"token desk backup 1\n"
//	4 bytes   length of the text
//	          the text: Header as JSON
//	1168      the file's key, wrapped to the recovery key with the text as its facts
//	          chunks of 64 KiB + 16, sealed; the last may be shorter
//
// and inside the chunks, for each part: 1 byte length of the name, the name, 8 bytes size, the
// bytes; a name of no length ends them. A chunk's nonce is its number and whether it is the last
// (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), so chunks can be
// neither cut off, nor left out, nor put in another order.
package backup

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

const (
	magic   = "token desk backup 1\n"
	keySize = chacha20poly1305.KeySize
	// chunkSize is what one chunk holds in the clear.
	chunkSize = 64 << 10
	maxText   = 64 << 10
	maxName   = 255
)

// What a file can be refused for.
var (
	// ErrNot: the file is something else.
	ErrNot = errors.New("this is not a backup of a token desk")
	// ErrDamaged: the file is not what was written, or it was cut short.
	ErrDamaged = errors.New("the backup is damaged or was cut short")
)

// Header is what a backup says of itself to whoever holds it: no name, no serial.
type Header struct {
	Desk string `json:"desk"`
	Site string `json:"site"`
	// Feed and Position are where the desk was, Checkpoint what it signed of that.
	Feed       string    `json:"feed"`
	Position   int64     `json:"position"`
	Checkpoint string    `json:"checkpoint"`
	Made       time.Time `json:"made"`
	// Recovery is the id of the recovery key.
	Recovery string `json:"recovery"`
}

// Writer writes one backup.
type Writer struct {
	to     io.Writer
	aead   cipher.AEAD
	chunk  []byte
	number uint64
}

// NewWriter begins a backup for the holder of a recovery key.
func NewWriter(w io.Writer, recovery []byte, h Header) (*Writer, error) {
	h.Recovery = feed.KeyID(recovery)
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode the head of a backup: %w", err)
	}
	raw := make([]byte, keySize)
	defer clear(raw)
	_, _ = rand.Read(raw) // never errs (crypto/rand)
	key := secret.NewKey(raw)
	defer key.Wipe()
	wrapped, err := feed.WrapKey(recovery, key, text)
	if err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(text)))
	if _, err := w.Write(append(append(head, text...), wrapped...)); err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	return newWriter(w, raw), nil
}

// newWriter writes what is in the chunks.
func newWriter(w io.Writer, key []byte) *Writer {
	return &Writer{to: w, aead: newAEAD(key), chunk: make([]byte, 0, chunkSize+1)}
}

// Part adds a part of a known size. What r gives must be as long.
func (w *Writer) Part(name string, size int64, r io.Reader) error {
	if name == "" || len(name) > maxName || size < 0 {
		return fmt.Errorf("a part of a backup has no good name or size")
	}
	head := append([]byte{byte(len(name))}, name...)
	if _, err := w.Write(binary.BigEndian.AppendUint64(head, uint64(size))); err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes and not %d", n, size)
	}
	if err != nil {
		return fmt.Errorf("write %s into a backup: %w", name, err)
	}
	return nil
}

// Bytes adds a part that is in memory.
func (w *Writer) Bytes(name string, data []byte) error {
	return w.Part(name, int64(len(data)), bytes.NewReader(data))
}

// Write implements io.Writer on the stream inside.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		// A chunk goes out only when more follows: the last one is marked.
		if len(w.chunk) == chunkSize {
			if err := w.flush(false); err != nil {
				return n, err
			}
		}
		fits := min(len(p), chunkSize-len(w.chunk))
		w.chunk = append(w.chunk, p[:fits]...)
		p, n = p[fits:], n+fits
	}
	return n, nil
}

// Close ends the backup. Without it the file does not open.
func (w *Writer) Close() error {
	if _, err := w.Write([]byte{0}); err != nil {
		return err
	}
	return w.flush(true)
}

func (w *Writer) flush(last bool) error {
	sealed := w.aead.Seal(nil, nonce(w.number, last), w.chunk, nil)
	clear(w.chunk)
	w.chunk, w.number = w.chunk[:0], w.number+1
	if _, err := w.to.Write(sealed); err != nil {
		return fmt.Errorf("write a backup: %w", err)
	}
	return nil
}

func newAEAD(key []byte) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic("a key of 32 bytes: " + err.Error())
	}
	return aead
}

// nonce never repeats under one key, and every file has its own.
func nonce(number uint64, last bool) []byte {
	n := make([]byte, chacha20poly1305.NonceSizeX)
	binary.BigEndian.PutUint64(n[len(n)-9:], number)
	if last {
		n[len(n)-1] = 1
	}
	return n
}
