package verifier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Identity is a key and a certificate that signs itself. Ends know each other by the pin of the
// key, so there is no authority whose key could make another caller.
type Identity struct {
	// Name is for people.
	Name string
	// Hosts are the names and addresses a server is reached under; a client has none.
	Hosts []string
	Now   time.Time
}

// EndOf is when a certificate made at a moment ends.
func EndOf(made time.Time) time.Time { return made.Add(certificateLife) }

// Write makes the key and the certificate, as PEM in two new files, and returns the pin. The
// certificate comes last: a power cut leaves none without its key.
func (i Identity) Write(certPath, keyPath string) (pin string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, i.template(), i.template(), key.Public(), key)
	if err != nil {
		return "", fmt.Errorf("make a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return "", fmt.Errorf("read a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("encode a key: %w", err)
	}
	defer clear(private)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	defer clear(text)
	if err := boltfile.WriteNew(keyPath, 0o600, text); err != nil {
		return "", err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return feed.Pin(cert), boltfile.WriteNew(certPath, 0o644, public)
}

func (i Identity) template() *x509.Certificate {
	t := &x509.Certificate{
		// One certificate per key: a fixed serial number clashes with nothing.
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: i.Name},
		// A clock that is a little behind must not refuse it.
		NotBefore:             i.Now.Add(-time.Hour),
		NotAfter:              i.Now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range i.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	if len(i.Hosts) > 0 {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	return t
}
