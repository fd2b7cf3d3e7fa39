// Package phc hashes PINs and passwords with argon2id (RFC 9106), and writes and reads the hashes
// as PHC strings: "$argon2id$v=19$m=KiB,t=passes,p=lanes$salt$key", the last two in base64 without
// padding.
//
// It does not know whose secret it hashes, how many tries there were, or where a hash is kept.
package phc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a hash made here: 46 MiB, two passes, one lane (the OWASP password storage sheet's
// first choice). A hash that is read may cost less, and not more than the most: a damaged row must
// not make the desk allocate gigabytes.
const (
	memoryKiB    = 46 * 1024
	maxMemoryKiB = 256 * 1024
	passes       = 2
	maxPasses    = 16
	lanes        = 1
	saltLen      = 16
	minSaltLen   = 8
	keyLen       = 32
	atOnce       = 2
)

// Secret is what is hashed. Expose returns a copy, which is wiped after use.
type Secret interface{ Expose() []byte }

// Hash is a hash with its salt and costs.
type Hash struct {
	salt, key      []byte
	memory, passes uint32
	lanes          uint8
}

// Nobody is the hash of somebody who does not exist, at the usual cost. No secret is known to lead
// to it.
func Nobody() Hash {
	return Hash{make([]byte, saltLen), make([]byte, keyLen), memoryKiB, passes, lanes}
}

// New hashes a secret under a fresh salt.
func New(s Secret) Hash {
	h := Nobody()
	_, _ = rand.Read(h.salt) // never fails: crypto/rand stops the program instead
	h.key = h.derive(s)
	return h
}

// Parse reads a PHC string. It reports false for text that is none, and for costs out of bounds.
func Parse(text string) (h Hash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return Hash{}, false
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes)
	if err != nil || n != 3 || h.memory < 8 || h.memory > maxMemoryKiB || h.passes < 1 ||
		h.passes > maxPasses || h.lanes < 1 {
		return Hash{}, false
	}
	enc := base64.RawStdEncoding
	var errSalt, errKey error
	h.salt, errSalt = enc.DecodeString(parts[4])
	h.key, errKey = enc.DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(h.salt) < minSaltLen || len(h.key) != keyLen {
		return Hash{}, false
	}
	return h, true
}

// String is the PHC string.
func (h Hash) String() string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes,
		h.lanes, enc.EncodeToString(h.salt), enc.EncodeToString(h.key))
}

func (h Hash) derive(s Secret) []byte {
	raw := s.Expose()
	defer clear(raw)
	return argon2.IDKey(raw, h.salt, h.passes, h.memory, h.lanes, keyLen)
}

// Hasher hashes two secrets at once at most, so that a burst of guesses cannot eat the memory.
type Hasher struct{ slots chan struct{} }

// NewHasher returns a hasher with places of its own.
func NewHasher() Hasher { return Hasher{make(chan struct{}, atOnce)} }

// New waits for a place and hashes a secret under a fresh salt.
func (r Hasher) New(ctx context.Context, s Secret) (h Hash, err error) {
	err = r.placed(ctx, func() { h = New(s) })
	return h, err
}

// Matches waits for a place and reports whether the secret has this hash, in a time that does not
// depend on how much of it is right.
func (r Hasher) Matches(ctx context.Context, h Hash, s Secret) (right bool, err error) {
	err = r.placed(ctx, func() { right = subtle.ConstantTimeCompare(h.derive(s), h.key) == 1 })
	return right, err
}

func (r Hasher) placed(ctx context.Context, do func()) error {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	do()
	return nil
}
