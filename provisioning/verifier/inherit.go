package verifier

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// heirTable holds what a verifier took over from the ones before it, under these names. All of it
// is secret:
//
//	blind           what names are blinded under, and passcodes peppered with
//	feed/<key id>   a private sealing key: a desk seals to it until it has the new bundle
//	follower/<pin>  certificate and key in PEM: a desk lets it in until it has the new bundle
const (
	heirTable    = "heir"
	heirBlind    = "blind"
	heirFeed     = "feed/"
	heirFollower = "follower/"
)

// inherit takes up what is in heirTable, and looks whether counters were lost.
func (s *State) inherit() error {
	err := s.file.View(func(tx *boltfile.Tx) error {
		err := tx.ForEach(heirTable, nil, nil, func(item boltfile.Item) error {
			defer clear(item.Value)
			switch name := string(item.Key); {
			case name == heirBlind:
				s.file.blind = bytes.Clone(item.Value)
			case strings.HasPrefix(name, heirFeed):
				key, err := openerOf(item.Value)
				s.heirs = append(s.heirs, key)
				return err
			case strings.HasPrefix(name, heirFollower):
				cert, err := certificateOf(item.Value)
				s.former = append(s.former, cert)
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.unsure, err = anyUnsure(tx)
		return err
	})
	s.opener = s.opener.Also(s.heirs...)
	return err
}

func openerOf(raw []byte) (*feed.Opener, error) {
	key := secret.NewKey(raw)
	defer key.Wipe()
	return feed.NewOpener(key)
}

func certificateOf(text []byte) (tls.Certificate, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err == nil && cert.Leaf == nil {
		cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0])
	}
	return cert, err
}

// bequeath gives every row of heirTable that the next verifier needs: those of the ones before, and
// this one's own.
func (s *State) bequeath(tx *boltfile.Tx, give func(name string, value []byte) error) error {
	err := tx.ForEach(heirTable, nil, nil, func(item boltfile.Item) error {
		defer clear(item.Value)
		if string(item.Key) == heirBlind {
			return nil
		}
		return give(string(item.Key), item.Value)
	})
	if err != nil {
		return err
	}
	blind := bytes.Clone(s.file.blindKey())
	defer clear(blind)
	given := map[string]bool{}
	note := func(name string, value []byte) error {
		given[name] = true
		return give(name, value)
	}
	err = errors.Join(note(heirBlind, blind), s.bequeathKeys(note), s.bequeathFaces(note))
	if err == nil && (!given[heirFeed+feed.KeyID(s.sealed().Public())] ||
		!given[heirFollower+feed.Pin(s.followerCertificate().Leaf)]) {
		err = errors.New("the keys of this verifier are not in its directory any more")
	}
	return err
}

// bequeathKeys gives every private sealing key of the directory.
func (s *State) bequeathKeys(give func(name string, value []byte) error) error {
	names, err := beside(s.dir, "feed", ".key")
	if passed(fileFeedKey) && !slices.Contains(names, fileFeedKey) {
		names = append(names, fileFeedKey)
	}
	for _, name := range names {
		private, rerr := readSecret(filepath.Join(s.dir, name))
		if rerr != nil {
			return rerr
		}
		raw := private.Expose()
		key, kerr := openerOf(raw)
		if kerr == nil {
			kerr = give(heirFeed+feed.KeyID(key.Public()), raw)
		}
		clear(raw)
		private.Wipe()
		err = errors.Join(err, kerr)
	}
	return err
}

// bequeathFaces gives every certificate of a follower in the directory, with its key, in PEM.
func (s *State) bequeathFaces(give func(name string, value []byte) error) error {
	names, err := fs.Glob(os.DirFS(s.dir), "follower*.crt")
	for _, name := range names {
		text, rerr := pemPair(filepath.Join(s.dir, name))
		if rerr != nil {
			return rerr
		}
		cert, cerr := certificateOf(text)
		if cerr == nil {
			cerr = give(heirFollower+feed.Pin(cert.Leaf), text)
		}
		clear(text)
		err = errors.Join(err, cerr)
	}
	return err
}

// pemPair reads a certificate and the key beside it.
func pemPair(certPath string) ([]byte, error) {
	cert, err := os.ReadFile(certPath)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(secretPath(strings.TrimSuffix(certPath, ".crt") + ".key"))
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return append(cert, key...), nil
}

// face is the certificate of the n-th try: its own, and then those of the verifiers before it.
func (s *State) face(n int) *tls.Certificate {
	if n %= 1 + len(s.former); n > 0 {
		return &s.former[n-1]
	}
	return s.followerCertificate()
}
