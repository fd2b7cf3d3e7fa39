package verifier

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"path/filepath"
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
	s.opener = s.opener.With(s.heirs...)
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
	if err := s.bequeathKeys(give); err != nil {
		return err
	}
	certificate := s.followerCertificate()
	face, err := pairText(*certificate)
	if err != nil {
		return err
	}
	defer clear(face)
	blind := bytes.Clone(s.file.blindKey())
	defer clear(blind)
	return errors.Join(give(heirBlind, blind),
		give(heirFollower+feed.Pin(certificate.Leaf), face))
}

// bequeathKeys gives the sealing keys of this verifier: the one in use, and those renewed and kept.
func (s *State) bequeathKeys(give func(name string, value []byte) error) error {
	names, err := beside(s.dir, "feed", ".key")
	if err != nil {
		return err
	}
	for _, name := range names {
		private, err := readSecret(filepath.Join(s.dir, name))
		if err != nil {
			return err
		}
		raw := private.Expose()
		opener, err := feed.NewOpener(private)
		private.Wipe()
		if err == nil {
			err = give(heirFeed+feed.KeyID(opener.Public()), raw)
		}
		clear(raw)
		if err != nil {
			return err
		}
	}
	return nil
}

// pairText is a certificate and its key in PEM.
func pairText(cert tls.Certificate) ([]byte, error) {
	private, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// face is the certificate of the n-th try: its own, and then those of the verifiers before it.
func (s *State) face(n int) *tls.Certificate {
	if n %= 1 + len(s.former); n > 0 {
		return &s.former[n-1]
	}
	return s.followerCertificate()
}
