package feed

import (
	"bufio"
	"bytes"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A parcel is a stream of any length, sealed to one key by HPKE (RFC 9180, base mode) in pieces, so
// that neither end holds it whole:
//
//	parcelHead keyID(8) enc(1120) { length(4) ciphertext } ...
//
// The pieces are the messages of one context: a piece that is left out, moved or put twice does
// not open (section 5.2). The last one says that it is the last in its associated data, so a
// parcel that was cut is noticed, too. Base mode does not say who sealed it: whoever opens a
// parcel compares its hash by other means.
const (
	parcelHead  = "token desk parcel v1\n"
	parcelPiece = 64 << 10
)

// ErrParcel says that a parcel does not open: it is for another key, cut, or was changed.
var ErrParcel = errors.New("the file does not open: it was cut or changed")

// ErrOtherParcel says that a parcel is for another key.
var ErrOtherParcel = errors.New("the file is sealed to another key")

func parcelInfo(keyID []byte) []byte {
	return append([]byte("token desk parcel v1 "), keyID...)
}

// parcelEnd is bound to the last piece, and nothing to the others.
var parcelEnd = []byte("end")

type parcelWriter struct {
	to     io.Writer
	sender *hpke.Sender
	piece  []byte
}

// SealParcel writes a parcel for the holder of a public sealing key. Closing it writes the end and
// does not close what it was given.
func SealParcel(to io.Writer, public []byte) (io.WriteCloser, error) {
	holder, err := newRecipient(public)
	if err != nil {
		return nil, fmt.Errorf("read a sealing key: %w", err)
	}
	enc, sender, err := hpke.NewSender(holder.key, hpke.HKDFSHA256(), hpke.AES256GCM(),
		parcelInfo(holder.id))
	if err != nil {
		return nil, fmt.Errorf("begin a parcel: %w", err)
	}
	if _, err := to.Write(append(append([]byte(parcelHead), holder.id...), enc...)); err != nil {
		return nil, err
	}
	return &parcelWriter{to, sender, make([]byte, 0, parcelPiece)}, nil
}

// Write implements io.Writer.
func (w *parcelWriter) Write(data []byte) (n int, err error) {
	for len(data) > 0 {
		if len(w.piece) == parcelPiece {
			if err := w.send(nil); err != nil {
				return n, err
			}
		}
		taken := min(len(data), parcelPiece-len(w.piece))
		w.piece = append(w.piece, data[:taken]...)
		data, n = data[taken:], n+taken
	}
	return n, nil
}

func (w *parcelWriter) send(bound []byte) error {
	box, err := w.sender.Seal(bound, w.piece)
	clear(w.piece)
	w.piece = w.piece[:0]
	if err != nil {
		return fmt.Errorf("seal a piece: %w", err)
	}
	_, err = w.to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(box))), box...))
	return err
}

// Close implements io.Closer.
func (w *parcelWriter) Close() error { return w.send(parcelEnd) }

type parcelReader struct {
	from      *bufio.Reader
	recipient *hpke.Recipient
	piece     []byte
	ended     bool
}

// OpenParcel reads what SealParcel wrote for this key. What it gives is good piece by piece; only
// the end says that nothing is missing.
func (o *Opener) OpenParcel(from io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(from, 2*parcelPiece)
	head := make([]byte, len(parcelHead)+keyIDSize+encSize)
	if _, err := io.ReadFull(r, head); err != nil || !bytes.HasPrefix(head, []byte(parcelHead)) {
		return nil, ErrParcel
	}
	head = head[len(parcelHead):]
	if string(head[:keyIDSize]) != string(o.id) {
		return nil, ErrOtherParcel
	}
	recipient, err := hpke.NewRecipient(head[keyIDSize:], o.key, hpke.HKDFSHA256(),
		hpke.AES256GCM(), parcelInfo(o.id))
	if err != nil {
		return nil, ErrParcel
	}
	return &parcelReader{from: r, recipient: recipient}, nil
}

// Read implements io.Reader.
func (r *parcelReader) Read(into []byte) (int, error) {
	for len(r.piece) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(into, r.piece)
	clear(r.piece[:n])
	r.piece = r.piece[n:]
	return n, nil
}

// next opens a piece. The last one is the one that nothing follows.
func (r *parcelReader) next() error {
	var size [4]byte
	if _, err := io.ReadFull(r.from, size[:]); err != nil {
		return ErrParcel
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > parcelPiece+tagSize {
		return ErrParcel
	}
	box := make([]byte, n)
	if _, err := io.ReadFull(r.from, box); err != nil {
		return ErrParcel
	}
	var bound []byte
	if _, err := r.from.Peek(1); errors.Is(err, io.EOF) {
		bound, r.ended = parcelEnd, true
	}
	var err error
	if r.piece, err = r.recipient.Open(bound, box); err != nil {
		return ErrParcel
	}
	return nil
}
