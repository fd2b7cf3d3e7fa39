package feed

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// SeedBody is the secret part of a KindSeed record: everything the verifier needs to check what the
// token will type, and nothing it could learn without the key.
type SeedBody struct {
	// User is the sign-in name the credential is for; Site is the university.
	User, Site string
	// Vendor and Serial name the token.
	Vendor, Serial string
	Seed           secret.Seed
	// Digits of each OTP, 6 to 8.
	Digits int
	// Counter is the moving factor of the first OTP (RFC 4226 section 5.1).
	Counter uint64
}

// ProofBody is the secret part of a KindProof record: one OTP the token typed, or two in a row.
type ProofBody struct {
	OTPs []secret.OTP
}

// ErrBody is wrapped by every refusal of an encoded body. It never says what was in it.
var ErrBody = errors.New("malformed record body")

// Every encoded body has the same length, so that a sealed one tells neither its kind nor how long
// a name is. The layout, big endian:
//
//	tag(1) fields... zeros up to bodySize
//
// A string is its length in one byte and its bytes. The secret passes through neither fmt nor JSON.
const (
	bodySize = 384

	tagSeed  = 'S'
	tagProof = 'P'

	maxUser   = 128
	maxSite   = 32
	maxVendor = 32
	maxSerial = 64
	maxSeed   = 64
	maxOTPs   = 2
	maxOTP    = 10
)

// encode returns the fixed-size form of b. The caller wipes it.
func (b SeedBody) encode() ([]byte, error) {
	if b.Digits < 6 || b.Digits > 8 {
		return nil, fmt.Errorf("%w: digits", ErrBody)
	}
	seed := b.Seed.Expose()
	defer clear(seed)
	w := newBodyWriter(tagSeed)
	w.field("user", []byte(b.User), maxUser)
	w.field("site", []byte(b.Site), maxSite)
	w.field("vendor", []byte(b.Vendor), maxVendor)
	w.field("serial", []byte(b.Serial), maxSerial)
	w.field("seed", seed, maxSeed)
	w.buf = append(w.buf, byte(b.Digits))
	w.buf = binary.BigEndian.AppendUint64(w.buf, b.Counter)
	return w.finish()
}

// encode returns the fixed-size form of b. The caller wipes it.
func (b ProofBody) encode() ([]byte, error) {
	if len(b.OTPs) < 1 || len(b.OTPs) > maxOTPs {
		return nil, fmt.Errorf("%w: a proof has one OTP or two", ErrBody)
	}
	w := newBodyWriter(tagProof)
	w.buf = append(w.buf, byte(len(b.OTPs)))
	for _, otp := range b.OTPs {
		digits := otp.Expose()
		w.field("otp", digits, maxOTP)
		clear(digits)
	}
	return w.finish()
}

// decodeSeed reads what SeedBody.encode wrote, and nothing else.
func decodeSeed(data []byte) (SeedBody, error) {
	r := newBodyReader(data, tagSeed)
	b := SeedBody{
		User:   string(r.field(maxUser)),
		Site:   string(r.field(maxSite)),
		Vendor: string(r.field(maxVendor)),
		Serial: string(r.field(maxSerial)),
	}
	b.Seed = secret.NewSeed(r.field(maxSeed))
	b.Digits = int(r.byte())
	b.Counter = r.uint64()
	if b.Digits < 6 || b.Digits > 8 {
		r.bad = true
	}
	if err := r.finish(); err != nil {
		b.Seed.Wipe()
		return SeedBody{}, err
	}
	return b, nil
}

// decodeProof reads what ProofBody.encode wrote, and nothing else.
func decodeProof(data []byte) (ProofBody, error) {
	r := newBodyReader(data, tagProof)
	n := int(r.byte())
	if n < 1 || n > maxOTPs {
		return ProofBody{}, ErrBody
	}
	var b ProofBody
	for range n {
		b.OTPs = append(b.OTPs, secret.NewOTP(string(r.field(maxOTP))))
	}
	if err := r.finish(); err != nil {
		return ProofBody{}, err
	}
	return b, nil
}

// bodyWriter fills a buffer that never grows, so that no copy of a secret is left behind by append.
type bodyWriter struct {
	buf []byte
	err error
}

func newBodyWriter(tag byte) *bodyWriter {
	return &bodyWriter{buf: append(make([]byte, 0, bodySize), tag)}
}

func (w *bodyWriter) field(name string, value []byte, limit int) {
	if len(value) == 0 || len(value) > limit {
		w.err = fmt.Errorf("%w: %s has %d bytes, want 1 to %d", ErrBody, name, len(value), limit)
		return
	}
	w.buf = append(append(w.buf, byte(len(value))), value...)
}

func (w *bodyWriter) finish() ([]byte, error) {
	if w.err != nil {
		clear(w.buf)
		return nil, w.err
	}
	return w.buf[:bodySize], nil
}

// bodyReader remembers the first thing that was wrong and returns nothing from then on.
type bodyReader struct {
	rest []byte
	bad  bool
}

func newBodyReader(data []byte, tag byte) *bodyReader {
	r := &bodyReader{rest: data}
	r.bad = len(data) != bodySize || r.byte() != tag
	return r
}

func (r *bodyReader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *bodyReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *bodyReader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *bodyReader) field(limit int) []byte {
	n := int(r.byte())
	if n == 0 || n > limit {
		r.bad = true
		return nil
	}
	return r.take(n)
}

// finish insists that only the padding is left and that it is zero: one body, one encoding.
func (r *bodyReader) finish() error {
	var dirty byte
	for _, b := range r.rest {
		dirty |= b
	}
	if r.bad || dirty != 0 {
		return ErrBody
	}
	return nil
}
