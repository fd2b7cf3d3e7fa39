package daemon

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/systemd"
)

// The names of the credentials, as the unit passes them.
const (
	credDesk = "desk-key"
	credLog  = "log-key"
	credFeed = "feed-key"
	credSite = "site-secret"
)

// keyLen is the length of the desk key and of a site secret in bytes.
const keyLen = 32

// Keys are the secrets of a desk. None of them opens a sealed seed.
type Keys struct {
	// Desk seals every value of the store.
	Desk secret.Key
	// Log signs checkpoints; LogKey is the public half, as a note verifier key.
	Log    note.Signer
	LogKey string
	// Feed is the certificate and key the feed is served with.
	Feed tls.Certificate
	// DeskBeside, LogBeside, LogKeyBeside and FeedBeside are the second ones while a key is renewed.
	DeskBeside   secret.Key
	LogBeside    note.Signer
	LogKeyBeside string
	FeedBeside   tls.Certificate
	// Site derives slot access codes.
	Site SiteSecret
}

// ReadKeys reads the keys from where systemd or the configuration put them. It refuses files others
// can read, and says which.
func ReadKeys(c Config) (Keys, error) {
	var k Keys
	raw, err := c.credential(credDesk)
	if err != nil {
		return k, err
	}
	if k.Desk, k.DeskBeside, err = deskKeys(raw); err != nil {
		return k, err
	}
	if raw, err = c.credential(credLog); err != nil {
		return k, err
	}
	use, beside, err := logKeys(raw)
	if err != nil {
		return k, err
	}
	k.Log, k.LogKey, k.LogBeside, k.LogKeyBeside = use.signer, use.public, beside.signer, beside.public
	if raw, err = c.credential(credFeed); err != nil {
		return k, err
	}
	if k.Feed, k.FeedBeside, err = feedKeys(raw); err != nil {
		return k, err
	}
	if raw, err = c.credential(credSite); err != nil {
		return k, err
	}
	k.Site, err = parseSiteSecret(raw)
	return k, err
}

// parseLogKey reads two lines: the signing key of the log and its public half.
func parseLogKey(text []byte) (note.Signer, string, error) {
	private, public, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, "", fmt.Errorf("credential %s: not a note signing key", credLog)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil || verifier.KeyHash() != signer.KeyHash() {
		return nil, "", fmt.Errorf("credential %s: the public half does not belong to the key", credLog)
	}
	return signer, public, nil
}

// credential reads one credential.
func (c Config) credential(name string) ([]byte, error) {
	path, err := systemd.Credential(name)
	if errors.Is(err, systemd.ErrNoCredential) {
		path = filepath.Join(c.Credentials, name)
	} else if err != nil {
		return nil, err
	}
	data, err := readPrivate("credential "+name, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("credential %s is missing: `tokendesk init` makes a new desk, "+
			"`tokendesk restore` brings one back (%w)", name, fs.ErrNotExist)
	}
	return data, err
}

// readPrivate reads a secret from a file. It refuses one that others can read.
func readPrivate(what, path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is readable by others: run chmod 600 %s (a memory stick does not "+
			"keep that: copy it to this machine first)", what, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return data, nil
}

func decodeKey(name string, text []byte) (secret.Key, error) {
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(raw) != keyLen {
		return secret.Key{}, fmt.Errorf("credential %s: not %d bytes in base64", name, keyLen)
	}
	defer clear(raw)
	return secret.NewKey(raw), nil
}

// SiteSecret holds the generations of the secret that slot access codes derive from. It is shared
// by the desks of a site. Losing a generation makes the slots guarded by it unwritable for ever.
type SiteSecret struct {
	generations map[int]secret.Key
	newest      int
}

// parseSiteSecret reads lines "generation base64"; the highest generation is the current one.
func parseSiteSecret(text []byte) (SiteSecret, error) {
	s := SiteSecret{generations: map[int]secret.Key{}}
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		number, key, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		generation, err := strconv.Atoi(string(number))
		if err != nil || generation < 1 {
			return s, fmt.Errorf("credential %s, line %d: no generation number", credSite, i+1)
		}
		if _, twice := s.generations[generation]; twice {
			return s, fmt.Errorf("credential %s, line %d: a generation stands twice", credSite, i+1)
		}
		if s.generations[generation], err = decodeKey(credSite, key); err != nil {
			return s, fmt.Errorf("line %d: %w", i+1, err)
		}
		s.newest = max(s.newest, generation)
	}
	return s, nil
}

// Generation is the current one.
func (s SiteSecret) Generation() int { return s.newest }

// Code derives the access code of a token's slots in a generation.
func (s SiteSecret) Code(generation int, serial string) (secret.AccessCode, error) {
	key, ok := s.generations[generation]
	if !ok {
		return secret.AccessCode{}, fmt.Errorf("the site secret has no generation %d", generation)
	}
	return yubikey.AccessCode(key, generation, serial)
}
