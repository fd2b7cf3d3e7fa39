package verifier

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The files of a verifier's directory. All but the bundle and the certificates are secret.
const (
	// FileBundle is public: desks are initialised with it.
	FileBundle = "bundle.json"
	// FileAPICert is public: callers check the API's certificate with it.
	FileAPICert = "api.crt"

	fileState        = "verifier.db"
	fileStateKey     = "state.key"
	fileFeedKey      = "feed.key"
	fileAPIKey       = "api.key"
	fileFollowerCert = "follower.crt"
	fileFollowerKey  = "follower.key"
)

// certificateLife is long because every end pins the key: a certificate that ends in silence would
// stop a site, and nothing is trusted for being signed.
const certificateLife = 10 * 365 * 24 * time.Hour

// Plan says what Init makes.
type Plan struct {
	// Dir is made, or is empty.
	Dir string
	// Name of the verifier, for people.
	Name string
	// Hosts are the names and addresses callers reach the API under.
	Hosts []string
	// Escrow is the file that gets the offline key. It is to leave this machine. With EscrowKey, the
	// public half of one that was made before, none is made.
	Escrow    string
	EscrowKey []byte
	// Now is when it is made.
	Now time.Time
}

// Init makes the keys and the empty state of a new verifier, and its public bundle. It never
// replaces anything.
func Init(p Plan) (feed.Bundle, error) {
	bundle, err := initialise(p)
	if err != nil {
		return feed.Bundle{}, fmt.Errorf("make a verifier in %s: %w", p.Dir, err)
	}
	return bundle, nil
}

func initialise(p Plan) (feed.Bundle, error) {
	if made, err := begin(p); made || err != nil {
		return finish(p, err)
	}
	bundle := feed.Bundle{Version: feed.Version, Name: p.Name}
	var err error
	if bundle.EscrowKey = p.EscrowKey; bundle.EscrowKey == nil {
		if bundle.EscrowKey, err = makeFeedKey(p.Escrow); err != nil {
			return feed.Bundle{}, err
		}
	}
	if bundle.VerifierKey, err = makeFeedKey(filepath.Join(p.Dir, fileFeedKey)); err != nil {
		return feed.Bundle{}, err
	}
	follower := Identity{Name: p.Name, Now: p.Now}
	bundle.FollowerPin, err = follower.Write(filepath.Join(p.Dir, fileFollowerCert),
		filepath.Join(p.Dir, fileFollowerKey))
	if err != nil {
		return feed.Bundle{}, err
	}
	api := Identity{Name: p.Name, Hosts: p.Hosts, Now: p.Now}
	_, err = api.Write(filepath.Join(p.Dir, FileAPICert), filepath.Join(p.Dir, fileAPIKey))
	if err != nil {
		return feed.Bundle{}, err
	}
	line, err := bundle.Encode()
	if err != nil {
		return feed.Bundle{}, err
	}
	if err := boltfile.WriteNew(filepath.Join(p.Dir, FileBundle), 0o644, line); err != nil {
		return feed.Bundle{}, err
	}
	return finish(p, makeState(p))
}

func makeFeedKey(path string) ([]byte, error) {
	private, public, err := feed.GenerateKey()
	if err != nil {
		return nil, err
	}
	defer private.Wipe()
	return public, writeSecret(path, private)
}

func makeState(p Plan) error {
	raw := make([]byte, boltfile.KeySize)
	_, _ = rand.Read(raw) // never fails: crypto/rand stops the program instead
	key := secret.NewKey(raw)
	defer clear(raw)
	defer key.Wipe()
	if err := writeSecret(filepath.Join(p.Dir, fileStateKey), key); err != nil {
		return err
	}
	return boltfile.Create(stateOptions(p.Dir), raw, boltfile.Birth{Created: p.Now})
}

func stateOptions(dir string) boltfile.Options {
	return boltfile.Options{Path: filepath.Join(dir, fileState), Kind: "verifier",
		Buckets: tables()}
}

// State is what a verifier keeps: its file and its keys, open.
type State struct {
	// Bundle is the public half as it was read. InForce is the one of now.
	Bundle feed.Bundle
	dir    string
	file   *vault
	// keys guards what a renewal replaces: the bundle and what follows.
	keys sync.RWMutex
	keysInUse
	// heirs and former are the sealing keys and the certificates of the verifiers this one took over
	// from.
	heirs  []*feed.Opener
	former []tls.Certificate
	// unsure says that there are credentials whose counters were lost.
	unsure bool
	// passcodes hashes them.
	passcodes *passcodeHasher
}

// Open opens what Init made. It refuses what is missing and what others may read, and says which.
func Open(dir string) (*State, error) {
	s := &State{dir: dir, passcodes: newPasscodeHasher()}
	if err := s.open(dir); err != nil {
		return nil, fmt.Errorf("open the verifier in %s: %w", dir, err)
	}
	return s, nil
}

func (s *State) open(dir string) error {
	line, err := os.ReadFile(filepath.Join(dir, FileBundle))
	if err != nil {
		return missing(err)
	}
	if s.Bundle, err = feed.DecodeBundle(line); err != nil {
		return err
	}
	if s.keysInUse, err = s.readKeys(s.Bundle); err != nil {
		return err
	}
	key, err := readSecret(filepath.Join(dir, fileStateKey))
	if err != nil {
		return err
	}
	raw := key.Expose()
	defer clear(raw)
	defer key.Wipe()
	file, err := boltfile.Open(stateOptions(dir), raw)
	if err != nil {
		return err
	}
	s.file = &vault{File: file}
	if err := s.inherit(); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// Close gives the file back.
func (s *State) Close() error { return s.file.Close() }

// missing turns the system's word for a file that is not there into what to do.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: a verifier is made once, on purpose, by verifierd init", err)
	}
	return err
}

// checkPrivate refuses a secret that others may read.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return missing(err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s must be a file only its owner may read: run chmod 600 on it", path)
	}
	return nil
}

func readSecret(path string) (secret.Key, error) { return readKeyFile(secretPath(path)) }

func readKeyFile(path string) (secret.Key, error) {
	if err := checkPrivate(path); err != nil {
		return secret.Key{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return secret.Key{}, err
	}
	defer clear(text)
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) == 0 {
		return secret.Key{}, fmt.Errorf("%s is not a key in hex", path)
	}
	defer clear(raw)
	return secret.NewKey(raw), nil
}

func writeSecret(path string, key secret.Key) error {
	raw := key.Expose()
	defer clear(raw)
	text := append(hex.AppendEncode(nil, raw), '\n')
	defer clear(text)
	return boltfile.WriteNew(path, 0o600, text)
}

func readPair(dir, certFile, keyFile string) (tls.Certificate, error) {
	keyPath := filepath.Join(dir, keyFile)
	if err := checkPrivate(keyPath); err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), keyPath)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read %s: %w", certFile, missing(err))
	}
	if cert.Leaf == nil {
		cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0])
	}
	return cert, err
}
