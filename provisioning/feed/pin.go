package feed

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"time"
)

// ErrPin says that the other end showed a certificate that was not pinned.
var ErrPin = errors.New("the certificate of the other end is not the pinned one")

// Pin names a certificate by its key: the SHA-256 of the SubjectPublicKeyInfo, in hex. A
// certificate renewed with the same key keeps its pin.
func Pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// ServerTLS is how the desk's end of the feed talks: TLS 1.3 only, and only with a client whose
// certificate is pinned. No authority is asked: the pin is the whole answer.
func ServerTLS(cert tls.Certificate, pins ...string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAnyClientCert,
		// VerifyConnection runs on resumed connections too, VerifyPeerCertificate does not.
		VerifyConnection:       pinned(pins),
		SessionTicketsDisabled: true,
	}
}

// ClientTLS is how the verifier's end of the feed talks: TLS 1.3 only, and only with the desk whose
// certificate is pinned.
func ClientTLS(cert tls.Certificate, pin string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		// The name in the certificate means nothing here; the pin replaces it.
		InsecureSkipVerify: true,
		VerifyConnection:   pinned([]string{pin}),
	}
}

func pinned(pins []string) func(tls.ConnectionState) error {
	pins = slices.Clone(pins)
	return pinnedBy(func(pin string) bool { return slices.Contains(pins, pin) })
}

func pinnedBy(known func(pin string) bool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return ErrPin
		}
		cert := state.PeerCertificates[0]
		if !known(Pin(cert)) {
			return ErrPin
		}
		if time.Now().After(cert.NotAfter) {
			return errors.New("the certificate of the other end has expired")
		}
		return nil
	}
}
