package daemon

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Init makes a new desk: its keys where the configuration says credentials lie, its empty store,
// and its public card for the verifier. It refuses to touch a desk that exists. A site secret that
// is there already is kept: the desks of a site share it. One that a crash cut short is taken up
// where it stopped. It returns lines that say what was made and what to do next.
func Init(c Config, bundlePath, cardPath string) ([]string, error) {
	data, err := os.ReadFile(bundlePath)
	if err != nil {
		return nil, fmt.Errorf("read the verifier's bundle: %w", err)
	}
	bundle, err := feed.DecodeBundle(data)
	if err != nil {
		return nil, err
	}
	if c.FeedURL == "" {
		return nil, errors.New(`"feed_url" is missing in the configuration: the verifier must know ` +
			`where to pull, for example feed_url = "https://icto-1.example.edu:8443"`)
	}
	if err := beginInit(c); err != nil {
		return nil, err
	}
	if err := makeKeys(c); err != nil {
		return nil, err
	}
	keys, err := ReadKeys(c)
	if err != nil {
		return nil, err
	}
	if err := createStore(c, keys); err != nil && !errors.Is(err, boltfile.ErrExists) {
		return nil, err
	}
	if err := handOver(c); err != nil {
		return nil, err
	}
	if err := writeNew(c.Verifier, 0o644, data); err != nil && !holds(c.Verifier, data) {
		return nil, err
	}
	if err := writeCard(c, keys, cardPath); err != nil {
		return nil, err
	}
	if err := boltfile.Remove(c.unfinished()); err != nil {
		return nil, fmt.Errorf("end init: %w", err)
	}
	return []string{
		"made the keys of desk " + c.Desk + " in " + c.Credentials,
		"made its empty store in " + c.State,
		"seeds will be sealed to " + bundle.Name + " (key " + feed.KeyID(bundle.VerifierKey) +
			") and to its escrow key " + feed.KeyID(bundle.EscrowKey),
		"next: give " + cardPath + " to the verifier (verifierd desk trust), start the daemon,",
		"      and let the first officer in (tokendesk officers add)",
	}, nil
}

func makeKeys(c Config) error {
	if err := boltfile.MakeDir(c.Credentials); err != nil {
		return fmt.Errorf("make the keys: %w", err)
	}
	logKey, publicLogKey, err := note.GenerateKey(rand.Reader, c.Desk)
	if err != nil {
		return fmt.Errorf("make the log key: %w", err)
	}
	feedKey, err := makeCertificate(c.Desk)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		credDesk: randomKey(), credLog: []byte(logKey + "\n" + publicLogKey + "\n"), credFeed: feedKey,
		credSite: append([]byte("1 "), randomKey()...),
	} {
		err := writeNew(filepath.Join(c.Credentials, name), 0o600, data)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func randomKey() []byte {
	raw := make([]byte, keyLen)
	_, _ = rand.Read(raw)
	defer clear(raw)
	key := secret.NewKey(raw)
	defer key.Wipe()
	return encodeKey(key)
}

// encodeKey is what decodeKey reads.
func encodeKey(key secret.Key) []byte {
	raw := key.Expose()
	defer clear(raw)
	return append(base64.StdEncoding.AppendEncode(nil, raw), '\n')
}

// certificateLife is long because the certificate is pinned by its key: what ends it is the
// verifier dropping the pin, not a date.
const certificateLife = 20 * 365 * 24 * time.Hour

// makeCertificate returns a self-signed certificate and its key in PEM.
func makeCertificate(name string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the feed key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make the feed key: %w", err)
	}
	// The clock of a new box may be wrong: the certificate is valid from long before.
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Now().Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the feed certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the feed key: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// deskCard is the public half of this desk.
func deskCard(c Config, keys Keys) (feed.DeskCard, error) {
	leaf, err := feedLeaf(keys.Feed)
	if err != nil {
		return feed.DeskCard{}, err
	}
	return feed.DeskCard{Version: feed.Version, Desk: c.Desk, Site: c.Site, FeedURL: c.FeedURL,
		LogKey: keys.LogKey, TLSPin: feed.Pin(leaf)}, nil
}

func writeCard(c Config, keys Keys, path string) error {
	card, err := deskCard(c, keys)
	if err != nil {
		return err
	}
	data, err := card.Encode()
	if err != nil {
		return fmt.Errorf("make the desk's card: %w", err)
	}
	if err := writeNew(path, 0o644, data); err != nil && !holds(path, data) {
		return err
	}
	return nil
}

func feedLeaf(cert tls.Certificate) (*x509.Certificate, error) {
	if cert.Leaf != nil {
		return cert.Leaf, nil
	}
	return x509.ParseCertificate(cert.Certificate[0])
}

// writeNew writes a file that must not exist, durably.
func writeNew(path string, mode fs.FileMode, data []byte) error {
	if err := boltfile.WriteNew(path, mode, data); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// holds says that a file is there already just as it would be written.
func holds(path string, data []byte) bool {
	there, err := os.ReadFile(path)
	return err == nil && bytes.Equal(there, data)
}
