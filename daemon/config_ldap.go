package daemon

import (
	"bytes"
	"errors"

	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// credLDAP is the password of the directory's service account, as the unit passes it.
const credLDAP = "ldap-password"

// ldapPassword reads the service account's password. It is the file's first line: editors end lines.
func (c Config) ldapPassword() (secret.Password, error) {
	raw, err := c.credential(credLDAP)
	if err != nil {
		return secret.Password{}, err
	}
	defer clear(raw)
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return secret.Password{}, errors.New("credential " + credLDAP + ": it is empty")
	}
	return secret.NewPassword(string(line)), nil
}

// openPeople makes the directory of a desk: the university's where one is configured, and otherwise
// the file, which has to be whole. A directory on the network may be down when the desk starts.
func openPeople(p Parts) (people, error) {
	c, strip := p.Config, []string{p.Site.Strip}
	file := directory.NewFile(directory.FileConfig{Path: c.Directory, Portraits: c.Portraits,
		Roster: c.Officers, Strip: strip, Now: p.Clock.Now, Zone: p.Site.Location})
	if !c.LDAP.Configured() {
		return file, file.Check()
	}
	password, err := c.ldapPassword()
	if err != nil {
		return nil, err
	}
	ldap, err := directory.NewLDAP(directory.LDAPParts{Config: c.LDAP, Password: password,
		Site: p.Site.ID, Zone: p.Site.Location, Strip: strip, Now: p.Clock.Now, Log: p.Log})
	if err != nil {
		return nil, err
	}
	if c.Officers != "" {
		return rostered{ldap, file}, nil
	}
	return ldap, nil
}

// hasStaff reports whether somebody else than the operator says who works here.
func (c Config) hasStaff() bool {
	return c.Officers != "" || c.LDAP.Officers != "" || c.LDAP.Supervisors != ""
}
