package verifier

import (
	"context"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The cost of one hash: argon2id with 19 MiB, two passes, one lane (the OWASP password storage
// sheet's minimum). Nine digits are few, so the pepper under it matters more: without the key of
// the state file the hashes cannot be searched at all. A change of the cost ends the passcodes that
// live then, a week's at most.
const (
	passcodeMemory = 19 * 1024
	passcodePasses = 2
	passcodeLanes  = 1
	passcodeHash   = 32
	// hashesAtOnce bounds the memory the attempts may take; the records of desks have a place of
	// their own, so that a desk that floods its feed delays no sign-in.
	hashesAtOnce = 4
)

// passcodeHasher computes argon2id over HMAC-SHA256(pepper, user and digits). Its salt is one per
// user, made by the same keyed function: it differs for each user and each verifier, nobody without
// the key can foresee it, and an attempt costs one hash whatever the user has, or if there is no
// such user.
type passcodeHasher struct {
	memory, passes  uint32
	attempts, feeds chan struct{}
}

func newPasscodeHasher() *passcodeHasher {
	return &passcodeHasher{memory: passcodeMemory, passes: passcodePasses,
		attempts: make(chan struct{}, hashesAtOnce), feeds: make(chan struct{}, 1)}
}

// hash waits for a place among slots.
func (h *passcodeHasher) hash(ctx context.Context, slots chan struct{}, file *boltfile.File,
	user string, digits []byte) ([]byte, error) {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	user = strings.ToLower(user)
	peppered := file.Blind("passcode", user, string(digits))
	defer clear(peppered)
	salt := file.Blind("passcode salt", user)
	return argon2.IDKey(peppered, salt, h.passes, h.memory, passcodeLanes, passcodeHash), nil
}

// hashCodes hashes what a desk sent.
func (s *State) hashCodes(user string, codes []secret.Passcode) ([][]byte, error) {
	var hashes [][]byte
	for _, code := range codes {
		digits := code.Expose()
		hash, err := s.passcodes.hash(context.Background(), s.passcodes.feeds, s.file, user, digits)
		clear(digits)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
