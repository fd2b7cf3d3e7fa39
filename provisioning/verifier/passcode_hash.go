package verifier

import (
	"context"
	"crypto/rand"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The cost of one hash: argon2id with 19 MiB, two passes, one lane (the OWASP password storage
// sheet's minimum). Nine digits are few, so the pepper under it matters more: without the key of
// the state file the hashes cannot be searched at all.
const (
	passcodeMemory = 19 * 1024
	passcodePasses = 2
	passcodeLanes  = 1
	passcodeHash   = 32
	saltSize       = 16
	// hashesAtOnce bounds the memory the attempts may take; the records of desks have a place of
	// their own, so that a desk that floods its feed delays no sign-in.
	hashesAtOnce = 4
)

// saltTable holds a blinded user -> passcodeSalt. It stays when the passcodes are gone.
const saltTable = "passcode.salt"

// passcodeSalt is how the passcodes of one user are hashed (NIST SP 800-63B-4 sections 3.1.2.2 and
// 3.1.1.2: salt and cost are stored). A user has one, so that an attempt costs one hash, however
// many passcodes there are.
type passcodeSalt struct {
	Salt   []byte `json:"salt"`
	Memory uint32 `json:"memory"`
	Passes uint32 `json:"passes"`
}

// passcodeHasher computes argon2id over HMAC-SHA256(pepper, user and digits).
type passcodeHasher struct {
	memory, passes  uint32
	attempts, feeds chan struct{}
}

func newPasscodeHasher() *passcodeHasher {
	return &passcodeHasher{memory: passcodeMemory, passes: passcodePasses,
		attempts: make(chan struct{}, hashesAtOnce), feeds: make(chan struct{}, 1)}
}

// hashPasscode waits for a place among slots.
func (s *State) hashPasscode(ctx context.Context, slots chan struct{}, salt passcodeSalt,
	user string, digits []byte) ([]byte, error) {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	peppered := s.file.Blind("passcode", strings.ToLower(user), string(digits))
	defer clear(peppered)
	return argon2.IDKey(peppered, salt.Salt, salt.Passes, salt.Memory, passcodeLanes,
		passcodeHash), nil
}

// saltOf finds a user's salt. A user without one gets a decoy, the same each time: the work is the
// same, and nothing fits it.
func (s *State) saltOf(user string) (salt passcodeSalt, known bool, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		salt, known, err = load[passcodeSalt](tx, saltTable, s.userKey(user))
		return err
	})
	if !known {
		decoy := s.file.Blind("passcode salt", strings.ToLower(user))
		salt = passcodeSalt{decoy, s.passcodes.memory, s.passcodes.passes}
	}
	return salt, known, err
}

// makeSalt gives a user a salt, unless somebody else just did.
func (s *State) makeSalt(user string) (salt passcodeSalt, err error) {
	err = s.file.Update(func(tx *boltfile.Tx) error {
		var known bool
		key := s.userKey(user)
		if salt, known, err = load[passcodeSalt](tx, saltTable, key); known || err != nil {
			return err
		}
		raw := make([]byte, saltSize)
		_, _ = rand.Read(raw) // never fails: crypto/rand stops the program instead
		salt = passcodeSalt{raw, s.passcodes.memory, s.passcodes.passes}
		return save(tx, saltTable, key, salt)
	})
	return salt, err
}

// hashCodes hashes what a desk sent.
func (s *State) hashCodes(user string, codes []secret.Passcode) ([][]byte, error) {
	salt, known, err := s.saltOf(user)
	if err == nil && !known {
		salt, err = s.makeSalt(user)
	}
	if err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, code := range codes {
		digits := code.Expose()
		hash, err := s.hashPasscode(context.Background(), s.passcodes.feeds, salt, user, digits)
		clear(digits)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
