package verifier

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// fileAPIPin names the certificate the API is served with, once it was renewed.
const fileAPIPin = "api.pin"

// keysInUse are the keys that may be renewed, as the files were read last.
type keysInUse struct {
	opener *feed.Opener
	// olderOpeners says that keys which were renewed are open beside the one of the bundle.
	olderOpeners bool

	follower tls.Certificate
	api      tls.Certificate
	// apis are all the certificates of the API, oldest first: two while it is renewed.
	apis []tls.Certificate
}

// readKeys reads every key that may be renewed, and finds those in use by a bundle.
func (s *State) readKeys(b feed.Bundle) (keys keysInUse, err error) {
	opener, older, err := openers(s.dir, b.VerifierKey)
	if err != nil {
		return keys, err
	}
	keys.opener, keys.olderOpeners = opener.With(older...).Also(s.heirs...), len(older) > 0
	followers, err := pairs(s.dir, "follower")
	if err != nil {
		return keys, err
	}
	var ok bool
	if keys.follower, ok = named(followers, b.FollowerPin); !ok {
		return keys, fmt.Errorf("the certificate of the follower that %s names: %w", FileBundle,
			missing(fs.ErrNotExist))
	}
	if keys.apis, err = pairs(s.dir, "api"); err != nil {
		return keys, err
	}
	pin, err := apiPin(s.dir)
	if err != nil {
		return keys, err
	}
	if pin == "" && len(keys.apis) == 1 {
		keys.api = keys.apis[0]
	} else if keys.api, ok = named(keys.apis, pin); !ok {
		return keys, fmt.Errorf("read %s: %w", FileAPICert, missing(fs.ErrNotExist))
	}
	return keys, nil
}

// apiPin is the pin of the certificate the API is served with; empty while there was only one.
func apiPin(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, fileAPIPin))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// sealed returns the opener in use.
func (s *State) sealed() *feed.Opener {
	s.keys.RLock()
	defer s.keys.RUnlock()
	return s.opener
}

// sealingRenewed says whether an older sealing key is open beside the one in use.
func (s *State) sealingRenewed() bool {
	s.keys.RLock()
	defer s.keys.RUnlock()
	return s.olderOpeners
}

// InForce is the public half as it is now.
func (s *State) InForce() feed.Bundle {
	s.keys.RLock()
	defer s.keys.RUnlock()
	return s.Bundle
}

// followerCertificate is what desks are called with.
func (s *State) followerCertificate() *tls.Certificate {
	s.keys.RLock()
	defer s.keys.RUnlock()
	cert := s.follower
	return &cert
}

// apiCertificate is what callers are answered with.
func (s *State) apiCertificate() *tls.Certificate {
	s.keys.RLock()
	defer s.keys.RUnlock()
	cert := s.api
	return &cert
}

// APICertificate is what callers pin or trust, as PEM: the one in use, and those beside it while it
// is renewed.
func (s *State) APICertificate() []byte {
	s.keys.RLock()
	defer s.keys.RUnlock()
	var text []byte
	for _, cert := range s.apis {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
			Bytes: cert.Certificate[0]})...)
	}
	return text
}

// publish makes another bundle the one in force, durably, and takes up the keys it names. Those are
// read first: one that cannot be read leaves everything as it was.
func (s *State) publish(b feed.Bundle) error {
	line, err := b.Encode()
	if err != nil {
		return err
	}
	keys, err := s.readKeys(b)
	if err != nil {
		return err
	}
	if err := boltfile.Replace(filepath.Join(s.dir, FileBundle), 0o644, line); err != nil {
		return fmt.Errorf("replace %s: %w", FileBundle, err)
	}
	s.keys.Lock()
	defer s.keys.Unlock()
	s.Bundle, s.keysInUse = b, keys
	return nil
}

// reload reads the keys anew after files came or went.
func (s *State) reload() error {
	keys, err := s.readKeys(s.InForce())
	if err != nil {
		return err
	}
	s.keys.Lock()
	defer s.keys.Unlock()
	s.keysInUse = keys
	return nil
}
