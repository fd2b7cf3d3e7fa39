package verifier

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// What is in the parcel of a move, before it is sealed, big endian:
//
//	length(4) header as JSON
//	{ 'R' length(1) table length(2) key length(4) value } ...
//	'E' count(8) sha256(32) of all before
//
// The values are as boltfile gives them: it seals them anew where they arrive.
const (
	rowMark = 'R'
	endMark = 'E'

	moveVersion  = 1
	maxMoveHead  = 4 << 10
	maxMoveValue = 16 << 20
)

// moveHead says what is moved.
type moveHead struct {
	Version int       `json:"version"`
	Export  string    `json:"export"`
	Key     string    `json:"key"`
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
}

// ErrMoveFile says that what was moved is not whole.
var ErrMoveFile = errors.New("the export is not whole")

// moveWriter counts and hashes what it writes.
type moveWriter struct {
	to   io.Writer
	sum  hash.Hash
	rows uint64
}

func newMoveWriter(to io.Writer, head moveHead) (*moveWriter, error) {
	w := &moveWriter{sum: sha256.New()}
	w.to = io.MultiWriter(to, w.sum)
	text, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("encode the head of a move: %w", err)
	}
	_, err = w.to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return w, err
}

func (w *moveWriter) row(table string, key, value []byte) error {
	if table == "" || len(table) > 0xff || len(key) > 0xffff || len(value) > maxMoveValue {
		return fmt.Errorf("a row of %s is too large to move", table)
	}
	head := append([]byte{rowMark, byte(len(table))}, table...)
	head = append(binary.BigEndian.AppendUint16(head, uint16(len(key))), key...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(value)))
	w.rows++
	if _, err := w.to.Write(head); err != nil {
		return err
	}
	_, err := w.to.Write(value)
	return err
}

func (w *moveWriter) end() error {
	sum := w.sum.Sum(nil)
	end := binary.BigEndian.AppendUint64([]byte{endMark}, w.rows)
	_, err := w.to.Write(append(end, sum...))
	return err
}

// moveReader reads what moveWriter wrote, and nothing else.
type moveReader struct {
	from *bufio.Reader
	sum  hash.Hash
	rows uint64
}

func newMoveReader(from io.Reader) (*moveReader, moveHead, error) {
	r := &moveReader{from: bufio.NewReader(from), sum: sha256.New()}
	size, err := r.number(4)
	if err != nil || size > maxMoveHead {
		return nil, moveHead{}, errors.Join(ErrMoveFile, err)
	}
	text, err := r.bytes(size)
	if err != nil {
		return nil, moveHead{}, err
	}
	var head moveHead
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, moveHead{}, ErrMoveFile
	}
	if head.Version != moveVersion {
		return nil, moveHead{}, fmt.Errorf("the export has version %d; this program reads %d",
			head.Version, moveVersion)
	}
	return r, head, nil
}

// each gives every row, and checks at the end that there was every one.
func (r *moveReader) each(do func(table string, key, value []byte) error) error {
	for {
		before := r.sum.Sum(nil)
		mark, err := r.number(1)
		switch {
		case err != nil:
			return err
		case mark == endMark:
			return r.ended(before)
		case mark != rowMark:
			return ErrMoveFile
		}
		table, key, value, err := r.row()
		if err != nil {
			return err
		}
		r.rows++
		if err := do(string(table), key, value); err != nil {
			return err
		}
		clear(value)
	}
}

func (r *moveReader) row() (table, key, value []byte, err error) {
	for _, part := range []struct {
		into *[]byte
		size int
	}{{&table, 1}, {&key, 2}, {&value, 4}} {
		n, err := r.number(part.size)
		if err != nil || n > maxMoveValue {
			return nil, nil, nil, errors.Join(ErrMoveFile, err)
		}
		if *part.into, err = r.bytes(n); err != nil {
			return nil, nil, nil, err
		}
	}
	if len(table) == 0 {
		return nil, nil, nil, ErrMoveFile
	}
	return table, key, value, nil
}

func (r *moveReader) ended(sum []byte) error {
	count, err := r.number(8)
	if err != nil {
		return err
	}
	want, err := r.bytes(sha256.Size)
	if err != nil {
		return err
	}
	if _, err := r.from.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(ErrMoveFile, err)
	}
	if count != r.rows || string(want) != string(sum) {
		return fmt.Errorf("%w: %d rows of %d are here", ErrMoveFile, r.rows, count)
	}
	return nil
}

func (r *moveReader) number(size int) (uint64, error) {
	b, err := r.bytes(uint64(size))
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, digit := range b {
		n = n<<8 | uint64(digit)
	}
	return n, nil
}

func (r *moveReader) bytes(n uint64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r.from, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrMoveFile
		}
		return nil, err
	}
	r.sum.Write(b)
	return b, nil
}

func randomExport() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand stops the program instead
	return hex.EncodeToString(b[:])
}
