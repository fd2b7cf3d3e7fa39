package daemon

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// MakeRecoveryKey makes the two halves of a recovery key in two new files, and returns its id. The
// private one opens every backup: it leaves the box. It is made first: backups are sealed as soon
// as the public one is there.
func MakeRecoveryKey(privatePath, publicPath string) (string, error) {
	private, public, err := feed.GenerateKey()
	if err != nil {
		return "", err
	}
	defer private.Wipe()
	raw := private.Expose()
	defer clear(raw)
	text := append(hex.AppendEncode(nil, raw), '\n')
	defer clear(text)
	line := append(base64.StdEncoding.AppendEncode(nil, public), '\n')
	if err := writeNew(privatePath, 0o600, text); err != nil {
		return "", err
	}
	err = writeNew(publicPath, 0o644, line)
	if err != nil && !holds(publicPath, line) { // what backups are sealed to must have its other half
		err = errors.Join(err, boltfile.Remove(privatePath))
	}
	return feed.KeyID(public), err
}

// ReadRecoveryKey reads the private half. It refuses a file that others can read.
func ReadRecoveryKey(path string) (secret.Key, error) {
	text, err := readPrivate("the recovery key", path)
	if err != nil {
		return secret.Key{}, err
	}
	defer clear(text)
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(raw) == 0 {
		return secret.Key{}, fmt.Errorf("%s is not a recovery key", path)
	}
	defer clear(raw)
	return secret.NewKey(raw), nil
}

// readRecoveryPublic reads the public half.
func readRecoveryPublic(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("there is no recovery key to seal a backup to (tokendesk recovery-key "+
			"makes one): %w", err)
	}
	return parseRecoveryPublic(text)
}

func parseRecoveryPublic(text []byte) ([]byte, error) {
	public, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err == nil {
		err = feed.CheckPublic(public)
	}
	if err != nil {
		return nil, fmt.Errorf("the recovery key is not the public half of one: %w", err)
	}
	return public, nil
}
