package feed

import "crypto/tls"

// RenewableServerTLS is ServerTLS for an end whose own certificate, and whose list of pins, may
// change while it runs: both are asked for at every handshake.
func RenewableServerTLS(own func() *tls.Certificate, known func(pin string) bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return own(), nil
		},
		ClientAuth:             tls.RequireAnyClientCert,
		VerifyConnection:       pinnedBy(known),
		SessionTicketsDisabled: true,
	}
}

// RenewableClientTLS is ClientTLS for an end whose certificate may change while it runs, and for a
// desk that is known by more than one pin.
func RenewableClientTLS(own func() *tls.Certificate, pins ...string) *tls.Config {
	config := ClientTLS(tls.Certificate{}, "")
	config.Certificates = nil
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return own(), nil
	}
	config.VerifyConnection = pinned(pins)
	return config
}
