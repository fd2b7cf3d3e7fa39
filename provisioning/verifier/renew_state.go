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

// openKeys reads every key that may be renewed, and finds those in use.
func (s *State) openKeys() (err error) {
	if s.opener, err = openers(s.dir, s.Bundle.VerifierKey); err != nil {
		return err
	}
	s.opener = s.opener.Also(s.heirs...)
	followers, err := pairs(s.dir, "follower")
	if err != nil {
		return err
	}
	var ok bool
	if s.follower, ok = named(followers, s.Bundle.FollowerPin); !ok {
		return fmt.Errorf("the certificate of the follower that %s names: %w", FileBundle,
			missing(fs.ErrNotExist))
	}
	if s.apis, err = pairs(s.dir, "api"); err != nil {
		return err
	}
	pin, err := apiPin(s.dir)
	if err != nil {
		return err
	}
	if pin == "" && len(s.apis) == 1 {
		s.api = s.apis[0]
	} else if s.api, ok = named(s.apis, pin); !ok {
		return fmt.Errorf("read %s: %w", FileAPICert, missing(fs.ErrNotExist))
	}
	return nil
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

// publish makes another bundle the one in force, durably, and takes up the keys it names.
func (s *State) publish(b feed.Bundle) error {
	line, err := b.Encode()
	if err != nil {
		return err
	}
	if err := boltfile.Replace(filepath.Join(s.dir, FileBundle), 0o644, line); err != nil {
		return fmt.Errorf("replace %s: %w", FileBundle, err)
	}
	s.keys.Lock()
	defer s.keys.Unlock()
	s.Bundle = b
	return s.openKeys()
}

// reload reads the keys anew after files came or went.
func (s *State) reload() error {
	s.keys.Lock()
	defer s.keys.Unlock()
	return s.openKeys()
}
