package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What one message may hold. The server of a feed chooses less where it likes.
const (
	// MaxLeaves is the most one page carries.
	MaxLeaves = 500
	// MaxPage is the size in bytes at which a page stops growing.
	MaxPage = 4 << 20
	// MaxAck and MaxVerdicts bound an acknowledgement.
	MaxAck      = 1 << 20
	MaxVerdicts = 1000
	// MaxMeta bounds a Meta and a Problem.
	MaxMeta = 64 << 10

	maxRecords = 64
	maxSealed  = 8 << 10
	maxFile    = 64 << 10
)

// ErrMalformed is wrapped by every refusal of a message. It says which part, never what was in it.
var ErrMalformed = errors.New("malformed message")

// DecodePage reads a page and checks its shape. Members it does not know are passed over: the desk
// may speak one version more.
func DecodePage(data []byte) (Page, error) {
	var p Page
	if err := decodeOne(data, &p); err != nil {
		return Page{}, fmt.Errorf("read a page: %w", err)
	}
	return p, p.check()
}

func (p Page) check() error {
	switch {
	case !isName(p.Feed):
		return fmt.Errorf("%w: feed", ErrMalformed)
	case p.After < 0 || p.Head < p.After+int64(len(p.Leaves)):
		return fmt.Errorf("%w: positions", ErrMalformed)
	case len(p.Leaves) > MaxLeaves:
		return fmt.Errorf("%w: more than %d leaves", ErrMalformed, MaxLeaves)
	}
	for _, leaf := range p.Leaves {
		if len(leaf.Commitment) != 32 || len(leaf.Records) > maxRecords {
			return fmt.Errorf("%w: leaf", ErrMalformed)
		}
		for _, rec := range leaf.Records {
			if err := rec.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check says whether the record has the shape the contract asks for. It knows every kind of this
// version and lets a kind of a newer one pass.
func (r Record) Check() error {
	if r.Erased != nil {
		return r.checkErased()
	}
	switch {
	case !isHex(r.ID, 16), !isHex(r.Credential, 16), !isName(r.Desk):
		return fmt.Errorf("%w: ids of a record", ErrMalformed)
	case !isName(string(r.Kind)), len(r.Sealed) > maxSealed, len(r.State) > maxName:
		return fmt.Errorf("%w: kind or size of a record", ErrMalformed)
	case r.At.Nanosecond()%1e6 != 0:
		return fmt.Errorf("%w: time of a record", ErrMalformed)
	}
	if r.Kind == KindErase {
		_, err := r.Erasure()
		return err
	}
	if r.Kind == KindState {
		switch r.State {
		case StateSuspended, StateResumed, StateRevoked:
		default:
			return fmt.Errorf("%w: state of a record", ErrMalformed)
		}
	}
	return nil
}

// DecodeMeta reads a Meta.
func DecodeMeta(data []byte) (Meta, error) {
	var m Meta
	if err := decodeOne(data, &m); err != nil {
		return Meta{}, fmt.Errorf("read meta: %w", err)
	}
	if !isName(m.Desk) || !isName(m.Feed) || m.Head < 0 {
		return Meta{}, fmt.Errorf("%w: meta", ErrMalformed)
	}
	return m, nil
}

// DecodeAck reads an acknowledgement and checks its shape.
func DecodeAck(data []byte) (Ack, error) {
	var a Ack
	if err := decodeOne(data, &a); err != nil {
		return Ack{}, fmt.Errorf("read an ack: %w", err)
	}
	if !isName(a.Feed) || a.Position < 0 || len(a.Verdicts) > MaxVerdicts {
		return Ack{}, fmt.Errorf("%w: ack", ErrMalformed)
	}
	for _, v := range a.Verdicts {
		if !isHex(v.Record, 16) || !isHex(v.Credential, 16) || v.Offset < 0 || v.Outcome == "" ||
			len(v.Reason) > maxName || v.Desk != "" && !isName(v.Desk) {
			return Ack{}, fmt.Errorf("%w: verdict", ErrMalformed)
		}
	}
	return a, nil
}

// decodeOne reads exactly one JSON value.
func decodeOne(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: not the JSON expected", ErrMalformed)
	}
	return nil
}

// decodeFile reads exactly one JSON value and refuses unknown members: a file is written by the
// same version that reads it, so what is unknown is a mistake.
func decodeFile(data []byte, into any) error {
	if len(data) > maxFile {
		return fmt.Errorf("%w: it is too large", ErrMalformed)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: not the JSON expected", ErrMalformed)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows it", ErrMalformed)
	}
	return nil
}

func encodeFile(v any) ([]byte, error) {
	out, err := json.MarshalIndent(v, "", "  ")
	return append(out, '\n'), err
}
