package verifier

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Role is what a caller's certificate is good for. Each certificate has one.
type Role string

const (
	// RoleVerify checks one-time passwords: a VPN gateway, a sign-in service.
	RoleVerify Role = "verify"
	// RoleHelpdesk sees the status.
	RoleHelpdesk Role = "helpdesk"
	// RoleEnrol says that a user enrolled a device: the place where devices are registered.
	RoleEnrol Role = "enrol"
	// RoleFeed belongs to desks; no call of this version asks for it.
	RoleFeed Role = "feed"
)

// Caller is who may call the API.
type Caller struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Pin of the caller's certificate: see feed.Pin.
	Pin   string    `json:"pin"`
	Added time.Time `json:"added"`
	// Ends is when the certificate does, once it was seen; zero before.
	Ends time.Time `json:"ends,omitzero"`
}

// ErrCaller says what is wrong with a new caller.
var ErrCaller = errors.New("a caller has a name of its own, one of the roles verify, " +
	"helpdesk, enrol and feed, and the pin of a certificate")

// AddCaller lets a certificate call the API.
func (v *Verifier) AddCaller(name string, role Role, pin string) error {
	known := role == RoleVerify || role == RoleHelpdesk || role == RoleEnrol || role == RoleFeed
	if name == "" || len(name) > 64 || !known || len(pin) != 64 {
		return ErrCaller
	}
	err := v.file.Update(func(tx *boltfile.Tx) error {
		err := each(tx, callerTable, func(_ string, c Caller) error {
			if c.Name == name {
				return ErrCaller
			}
			return nil
		})
		if err != nil {
			return err
		}
		return save(tx, callerTable, []byte(pin),
			Caller{Name: name, Role: role, Pin: pin, Added: v.clock()})
	})
	if err != nil {
		return fmt.Errorf("add a caller: %w", err)
	}
	return nil
}

// RemoveCaller refuses a caller's certificate from now on.
func (v *Verifier) RemoveCaller(name string) error {
	err := v.file.Update(func(tx *boltfile.Tx) error {
		return dropCallers(tx, name, func(Caller) bool { return true })
	})
	if err != nil {
		return fmt.Errorf("remove a caller: %w", err)
	}
	return nil
}

// caller finds who a connection belongs to.
func (s *State) caller(state *tls.ConnectionState) (c Caller, ok bool, err error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return Caller{}, false, nil
	}
	pin := feed.Pin(state.PeerCertificates[0])
	err = s.file.View(func(tx *boltfile.Tx) error {
		c, ok, err = load[Caller](tx, callerTable, []byte(pin))
		return err
	})
	return c, ok, err
}

// TLSConfig is how the API talks: TLS 1.3, and only with certificates of callers.
func (v *Verifier) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return v.apiCertificate(), nil
		},
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			c, ok, err := v.caller(&state)
			switch {
			case err != nil:
				return err
			case !ok:
				return feed.ErrPin
			case v.clock().After(state.PeerCertificates[0].NotAfter):
				return errors.New("the caller's certificate has expired")
			}
			return v.learn(c, state.PeerCertificates[0].NotAfter)
		},
	}
}
