package directory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Authenticate checks a password by a bind as the person's own entry, on a connection of its own. An
// account that does not exist makes the same questions, the last in the name of an entry that cannot
// exist. How long the server thinks about a password is the server's: whoever answers a stranger
// answers at a fixed time.
func (l *LDAP) Authenticate(
	ctx context.Context, account string, password secret.Password,
) (bool, error) {
	// An empty password would be no proof at all: the server takes it for nobody's bind and says
	// yes (RFC 4513 5.1.2).
	if !presentable(password) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	record, _, dn, err := l.claimant(ctx, account)
	if err != nil {
		return false, err
	}
	exists := dn != "" && record.ID != "" && !record.Left
	if dn == "" {
		dn = "cn=" + l.decoy() + "," + l.config.Base
	}
	right, err := l.try(ctx, dn, password)
	return right && exists, err
}

// presentable: passwords in a bind are UTF-8 (RFC 4513 5.1.3) and not empty.
func presentable(password secret.Password) bool {
	raw := password.Expose()
	defer clear(raw)
	return len(raw) > 0 && len(raw) <= maxPassword && utf8.Valid(raw)
}

// try binds as dn and says whether the server took the password.
func (l *LDAP) try(ctx context.Context, dn string, password secret.Password) (bool, error) {
	select {
	case l.binds <- struct{}{}:
		defer func() { <-l.binds }()
	case <-ctx.Done():
		return false, l.judge(ctx, ctx.Err())
	}
	link, err := dial(ctx, l.server, l.security)
	if err != nil {
		return false, l.judge(ctx, err)
	}
	defer link.drop()
	err = link.within(ctx, func(c *ldap.Conn) error { return bind(c, dn, password) })
	if denied(err) {
		return false, l.judge(ctx, nil)
	}
	return err == nil, l.judge(ctx, err)
}

// denied reports the answers that mean no (RFC 4511 appendix A): a wrong password, and whatever else
// a server says about an entry that may not bind now.
func denied(err error) bool {
	return spoken(err) && ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials,
		ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultNoSuchObject,
		ldap.LDAPResultConstraintViolation, ldap.LDAPResultInvalidDNSyntax)
}

// decoy is a name nobody has.
func (l *LDAP) decoy() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return fmt.Sprintf("nobody-%s", hex.EncodeToString(b))
}
