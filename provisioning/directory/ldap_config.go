package directory

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// LDAPConfig says where the university's directory is and what it calls things. The password of the
// service account is not in it: it is a credential.
type LDAPConfig struct {
	// URI is ldaps://host[:port], or ldap://host[:port], which is then always raised to TLS by
	// StartTLS. There is no way to ask in clear.
	URI string `toml:"uri"`
	// CA is a PEM file with the authorities the server's certificate must come from. The system's
	// own list is not used.
	CA string `toml:"ca"`
	// BindDN is the service account the desk asks as.
	BindDN string `toml:"bind_dn"`
	// Base is where people are, and Filter what they are, for example (objectClass=inetOrgPerson).
	Base   string `toml:"base"`
	Filter string `toml:"filter"`
	// Timeout bounds every question; zero means three seconds.
	Timeout time.Duration `toml:"timeout"`
	// Officers and Supervisors are the DNs of two groups; empty means that officers are not in this
	// directory. Their members are found by the people's attribute "groups" where there is one, and
	// otherwise by the groups' attribute GroupMember, which names DNs or accounts ("member").
	Officers    string `toml:"officers"`
	Supervisors string `toml:"supervisors"`
	GroupMember string `toml:"group_member"`
	// NativeLang is the language of the attribute "native", for example zh-Hant.
	NativeLang string `toml:"native_lang"`
	// PhonePrefix is put before telephone numbers without one, for example +853.
	PhonePrefix string `toml:"phone_prefix"`
	// Active are the values of the attribute "status" that mean that the person is still here. Any
	// other value, or none, means that they left.
	Active []string `toml:"active"`
	// Roles translate values of the attribute "role" into the site's roles. The first that fits is
	// the person's. Without any the value itself is the role.
	Roles []RoleValue `toml:"role"`
	// Attributes are the names of the attributes.
	Attributes Attributes `toml:"attributes"`
}

// RoleValue says which role a value stands for.
type RoleValue struct {
	Value string `toml:"value"`
	Role  string `toml:"role"`
}

// Attributes are the names of attributes, with their options ("cn;lang-zh-hant"). ID, Account and
// Name have the names of inetOrgPerson by default; any other that is empty is not asked for.
type Attributes struct {
	ID             string `toml:"id"`
	Account        string `toml:"account"`
	Name           string `toml:"name"`
	Native         string `toml:"native"`
	Role           string `toml:"role"`
	Unit           string `toml:"unit"`
	Card           string `toml:"card"`
	CardUID        string `toml:"card_uid"`
	CardUntil      string `toml:"card_until"`
	CardReplacedBy string `toml:"card_replaced_by"`
	Photo          string `toml:"photo"`
	Phone          string `toml:"phone"`
	Mail           string `toml:"mail"`
	Lang           string `toml:"lang"`
	Born           string `toml:"born"`
	IdentityCard   string `toml:"identity_card"`
	Passport       string `toml:"passport"`
	Devices        string `toml:"devices"`
	Status         string `toml:"status"`
	Since          string `toml:"since"`
	Groups         string `toml:"groups"`
}

// The defaults of what a site need not say.
const (
	defaultTimeout = 3 * time.Second
	defaultFilter  = "(objectClass=inetOrgPerson)"
	defaultMember  = "member"
	maxTimeout     = 30 * time.Second
)

// Configured reports whether the site has such a directory at all.
func (c LDAPConfig) Configured() bool { return c.URI != "" }

// filled is the configuration with its defaults.
func (c LDAPConfig) filled() LDAPConfig {
	for _, d := range []struct {
		at    *string
		value string
	}{
		{&c.Filter, defaultFilter}, {&c.GroupMember, defaultMember},
		{&c.Attributes.ID, "employeeNumber"}, {&c.Attributes.Account, "uid"},
		{&c.Attributes.Name, "cn"},
	} {
		if *d.at == "" {
			*d.at = d.value
		}
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return c
}

// attributeForm is an attribute description (RFC 4512 2.5).
var attributeForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)(;[A-Za-z0-9-]+)*$`)

// Check says what is wrong with a configuration. One without a URI is right: there is no directory.
func (c LDAPConfig) Check() error {
	if !c.Configured() {
		return nil
	}
	c = c.filled()
	if _, err := c.server(); err != nil {
		return err
	}
	for name, dn := range map[string]string{"bind_dn": c.BindDN, "base": c.Base} {
		if _, err := ldap.ParseDN(dn); err != nil || dn == "" {
			return fmt.Errorf("ldap: %q is not a distinguished name", name)
		}
	}
	for name, dn := range map[string]string{"officers": c.Officers, "supervisors": c.Supervisors} {
		if _, err := ldap.ParseDN(dn); err != nil {
			return fmt.Errorf("ldap: %q is not a distinguished name", name)
		}
	}
	if _, err := ldap.CompileFilter(c.Filter); err != nil {
		return errors.New(`ldap: "filter" is not a filter`)
	}
	if c.Timeout < 0 || c.Timeout > maxTimeout {
		return fmt.Errorf(`ldap: "timeout" is at most %v`, maxTimeout)
	}
	if c.CA == "" {
		return errors.New(`ldap: "ca" is missing: name the PEM file of the authority that signed ` +
			`the directory's certificate`)
	}
	return c.checkAttributes()
}

func (c LDAPConfig) checkAttributes() error {
	for _, name := range append(c.Attributes.all(), c.GroupMember, c.Attributes.Photo,
		c.Attributes.Groups) {
		if name != "" && !attributeForm.MatchString(name) {
			return fmt.Errorf("ldap: %q is not the name of an attribute", name)
		}
	}
	if (c.Attributes.Status == "") != (len(c.Active) == 0) {
		return errors.New(`ldap: the attribute "status" and the list "active" need each other`)
	}
	for _, r := range c.Roles {
		if r.Value == "" || r.Role == "" {
			return errors.New("ldap: a role has a value and a role")
		}
	}
	return nil
}

// all are the attributes a person is made from.
func (a Attributes) all() []string {
	return []string{a.ID, a.Account, a.Name, a.Native, a.Role, a.Unit, a.Card, a.CardUID, a.CardUntil,
		a.CardReplacedBy, a.Phone, a.Mail, a.Lang, a.Born, a.IdentityCard, a.Passport, a.Devices,
		a.Status, a.Since}
}

// server is where the URI points.
type server struct {
	address, host string
	// raise: the connection begins in clear and is raised to TLS before anything is said.
	raise bool
}

func (c LDAPConfig) server() (server, error) {
	u, err := url.Parse(c.URI)
	if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return server{}, errors.New(`ldap: "uri" is not like ldaps://ldap.example.edu`)
	}
	ports := map[string]string{"ldaps": ldap.DefaultLdapsPort, "ldap": ldap.DefaultLdapPort}
	port, known := ports[u.Scheme]
	if !known {
		return server{}, errors.New(`ldap: "uri" begins with ldaps:// or ldap://`)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return server{net.JoinHostPort(u.Hostname(), port), u.Hostname(), u.Scheme == "ldap"}, nil
}

// security is how the server is recognised: by the site's own authority and no other.
func (c LDAPConfig) security(host string) (*tls.Config, error) {
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("ldap: read the authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ldap: there is no certificate in %s", c.CA)
	}
	return &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}, nil
}
