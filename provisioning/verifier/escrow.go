package verifier

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// The escrow key opens every body a desk seals, and is needed for one thing only: to rebuild a
// verifier that was lost. It is made offline and stays there.

// PublicSuffix is what the file of the public half of an escrow key is called beside the private
// one.
const PublicSuffix = ".pub"

// NewEscrowKey makes an escrow key: the private half in a file, the public half in another beside
// it. It replaces neither.
func NewEscrowKey(path string) (public []byte, err error) {
	if _, err := os.Lstat(path + PublicSuffix); err == nil {
		return nil, fmt.Errorf("make an escrow key: %s: %w", path+PublicSuffix, os.ErrExist)
	}
	if public, err = makeFeedKey(path); err != nil {
		return nil, fmt.Errorf("make an escrow key: %w", err)
	}
	text := append(hex.AppendEncode(nil, public), '\n')
	if err := boltfile.WriteNew(path+PublicSuffix, 0o644, text); err != nil {
		return nil, fmt.Errorf("write the public half: %w", err)
	}
	return public, nil
}

// ReadEscrowPublic reads the public half.
func ReadEscrowPublic(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	public, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(public) == 0 {
		return nil, fmt.Errorf("%s is not the public half of an escrow key", path)
	}
	return public, nil
}

// ReadEscrowKey reads the private half, from a file only its owner may read.
func ReadEscrowKey(path string) (*feed.Opener, error) {
	private, err := readSecret(path)
	if err != nil {
		return nil, fmt.Errorf("read an escrow key: %w", err)
	}
	defer private.Wipe()
	opener, err := feed.NewOpener(private)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return opener, nil
}

// ErrEscrow says that a key is not the escrow key that is needed.
var ErrEscrow = errors.New("this is not the escrow key")

// CheckEscrow says whether a key is the escrow key of a bundle.
func CheckEscrow(key *feed.Opener, b feed.Bundle) error {
	id := feed.KeyID(key.Public())
	switch id {
	case feed.KeyID(b.EscrowKey):
		return nil
	case feed.KeyID(b.VerifierKey):
		return fmt.Errorf("%w: %s is the verifier's own key; the escrow key of %s is %s", ErrEscrow,
			id, b.Name, feed.KeyID(b.EscrowKey))
	}
	return fmt.Errorf("%w: it has the id %s, and the escrow key of %s is %s", ErrEscrow, id, b.Name,
		feed.KeyID(b.EscrowKey))
}
