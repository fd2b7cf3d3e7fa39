package officer

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The cost of one hash: argon2id with 46 MiB, two passes, one lane (the OWASP password storage
// sheet's first choice). Two run at once at most, so that a burst of PINs cannot eat the memory.
const (
	memoryKiB = 46 * 1024
	passes    = 2
	lanes     = 1
	saltLen   = 16
	hashLen   = 32
	atOnce    = 2
)

// errHash is returned for text that is not one of our PHC strings.
var errHash = errors.New("not an argon2id PHC string")

// hasher computes argon2id hashes, a few at a time.
type hasher struct{ slots chan struct{} }

func newHasher() hasher { return hasher{make(chan struct{}, atOnce)} }

// hash returns the PHC string of a PIN under a fresh salt.
func (h hasher) hash(ctx context.Context, pin secret.PIN) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt)
	key, err := h.derive(ctx, pin, salt, memoryKiB, passes, lanes)
	if err != nil {
		return "", err
	}
	return format(salt, key), nil
}

// matches reports whether the PIN hashes to the PHC string, in a time that does not depend on how
// much of it is right.
func (h hasher) matches(ctx context.Context, phc string, pin secret.PIN) (bool, error) {
	salt, want, memory, time, threads, err := parse(phc)
	if err != nil {
		return false, err
	}
	got, err := h.derive(ctx, pin, salt, memory, time, threads)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (h hasher) derive(
	ctx context.Context, pin secret.PIN, salt []byte, memory, time uint32, threads uint8,
) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	raw := pin.Expose()
	defer clear(raw)
	return argon2.IDKey(raw, salt, time, memory, threads, hashLen), nil
}

func format(salt, key []byte) string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes,
		lanes, enc.EncodeToString(salt), enc.EncodeToString(key))
}

// parse reads a PHC string and refuses costs we would never write: a damaged row must not make the
// desk allocate gigabytes.
func parse(phc string) (salt, key []byte, memory, time uint32, threads uint8, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return nil, nil, 0, 0, 0, errHash
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, nil, 0, 0, 0, errHash
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads)
	if err != nil || n != 3 || memory > 1<<20 || memory < 8 || time < 1 || time > 16 || threads < 1 {
		return nil, nil, 0, 0, 0, errHash
	}
	enc := base64.RawStdEncoding
	if salt, err = enc.DecodeString(parts[4]); err != nil {
		return nil, nil, 0, 0, 0, errHash
	}
	if key, err = enc.DecodeString(parts[5]); err != nil || len(key) != hashLen {
		return nil, nil, 0, 0, 0, errHash
	}
	return salt, key, memory, time, threads, nil
}
