package feedtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Holders is a bundle and the two private keys behind it.
type Holders struct {
	Bundle           feed.Bundle
	Verifier, Escrow secret.Key
}

// NewHolders makes both keys.
func NewHolders() (Holders, error) {
	h := Holders{Bundle: feed.Bundle{Version: feed.Version, Name: "test",
		FollowerPin: strings.Repeat("ab", 32)}}
	var err error
	if h.Verifier, h.Bundle.VerifierKey, err = feed.GenerateKey(); err != nil {
		return Holders{}, err
	}
	h.Escrow, h.Bundle.EscrowKey, err = feed.GenerateKey()
	return h, err
}

// Certificate makes a self-signed certificate for either end, and its pin.
func Certificate(name string, notAfter time.Time) (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make a key: %w", err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: notAfter.Add(-240 * time.Hour), NotAfter: notAfter,
		DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("read a certificate: %w", err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}
	return pair, feed.Pin(cert), nil
}
