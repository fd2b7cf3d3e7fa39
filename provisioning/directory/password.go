package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The cost of a hash we make: argon2id with 46 MiB, two passes, one lane. A file's own may cost less
// and not much more: a damaged line must not make the desk allocate gigabytes.
const (
	memoryKiB    = 46 * 1024
	maxMemoryKiB = 256 * 1024
	passes       = 2
	maxPasses    = 16
	lanes        = 1
	saltLen      = 16
	hashLen      = 32
)

// maxPassword bounds a password, in bytes.
const maxPassword = 512

// phc is a hash with its costs.
type phc struct {
	salt, key    []byte
	memory, time uint32
	threads      uint8
}

// nobody is the hash of an account that does not exist. No password is known to lead to it.
func nobody() phc {
	return phc{make([]byte, saltLen), make([]byte, hashLen), memoryKiB, passes, lanes}
}

// HashPassword returns the PHC string of a password, for the password column.
func HashPassword(password secret.Password) string {
	h := nobody()
	_, _ = rand.Read(h.salt)
	h.key = h.derive(password)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time,
		h.threads, enc.EncodeToString(h.salt), enc.EncodeToString(h.key))
}

func (h phc) derive(password secret.Password) []byte {
	raw := password.Expose()
	defer clear(raw)
	return argon2.IDKey(raw, h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
}

// matches compares in a time that does not depend on how much of the password is right. Few run at
// once: a burst of guesses cannot eat the memory.
func (h phc) matches(ctx context.Context, slots chan struct{}, p secret.Password) (bool, error) {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return subtle.ConstantTimeCompare(h.derive(p), h.key) == 1, nil
}

// hashed returns a PHC string we can check, or nothing.
func hashed(s string) string {
	if _, ok := parsePHC(s); !ok {
		return ""
	}
	return s
}

func parsePHC(s string) (h phc, ok bool) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, false
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads)
	if err != nil || n != 3 || h.memory < 8 || h.memory > maxMemoryKiB || h.time < 1 ||
		h.time > maxPasses || h.threads < 1 {
		return h, false
	}
	enc := base64.RawStdEncoding
	var errSalt, errKey error
	h.salt, errSalt = enc.DecodeString(parts[4])
	h.key, errKey = enc.DecodeString(parts[5])
	return h, errSalt == nil && errKey == nil && len(h.salt) >= 8 && len(h.key) == hashLen
}
