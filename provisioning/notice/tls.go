package notice

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// trust makes the TLS settings for a server: its certificate must be issued by the CA in the PEM
// text, and by no other; an empty text means the CAs of the system.
func trust(host string, ca []byte) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if len(ca) == 0 {
		return c, nil
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("the CA file holds no certificate in PEM")
	}
	return c, nil
}
