package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory/directorytest"
)

func openDesk(t *testing.T, edit func(*Config)) *Desk {
	t.Helper()
	c, bundle, card := newDesk(t)
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	edit(&c)
	keys, err := ReadKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	site, err := provisioning.LoadSite(c.Site)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), Parts{Config: c, Keys: keys, Site: site, Bus: virtual.NewBus(),
		Clock: SystemClock{}, Log: slog.New(slog.DiscardHandler),
		Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// names of the officers who may work, with a star for supervisors.
func names(d *Desk) string {
	var list []string
	for _, o := range d.officers.List() {
		name := string(o.ID)
		if o.Supervisor {
			name += "*"
		}
		if !o.Disabled {
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}

func TestOfficersFollowTheRoster(t *testing.T) {
	roster := filepath.Join(t.TempDir(), "officers.csv")
	write := func(lines string) {
		t.Helper()
		text := "id,name,person,supervisor\n" + lines
		if err := os.WriteFile(roster, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("msousa,SOUSA Maria,E1004402,no\nkiwong,WONG Ka I,E1004519,yes\n")
	d := openDesk(t, func(c *Config) { c.Officers = roster })
	for _, step := range []struct {
		edit func()
		want string
		ok   bool
	}{
		{func() {}, "kiwong* msousa", true},
		{func() { write("kiwong,WONG Ka I,E1004519,no\n") }, "kiwong", true},
		{func() { write("") }, "kiwong", false},
		{func() { write("kiwong,WONG Ka I") }, "kiwong", false},
		{func() { _ = os.Remove(roster) }, "kiwong", false},
		{func() { write("msousa,SOUSA Maria,E1004402,yes\n") }, "msousa*", true},
	} {
		step.edit()
		if err := d.matchStaff(t.Context()); (err == nil) != step.ok || names(d) != step.want {
			t.Errorf("officers %q, want %q; %v", names(d), step.want, err)
		}
	}
}

// TestADeskWithAnLDAPDirectory starts while it is silent, follows its groups, and says within a
// moment how it is, whatever it does.
func TestADeskWithAnLDAPDirectory(t *testing.T) {
	s := directorytest.Slapd(t, directorytest.Sample())
	line := directorytest.NewLine(t, s.LDAPS)
	line.Stall()
	d := openDesk(t, func(c *Config) {
		c.LDAP = s.Config()
		c.LDAP.URI, c.LDAP.Timeout = "ldaps://"+line.Address, time.Second
		path := filepath.Join(c.Credentials, credLDAP)
		if err := os.WriteFile(path, []byte(directorytest.ServicePassword+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	healthy := func() bool {
		t.Helper()
		began := time.Now()
		up := d.Health(t.Context()).DirectoryUp
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a page waited %v for the directory", took)
		}
		return up
	}
	if err := d.matchStaff(t.Context()); err == nil || healthy() || names(d) != "" {
		t.Errorf("silent: %v, up %v, officers %q", err, healthy(), names(d))
	}
	line.Flow()
	if err := d.matchStaff(t.Context()); err != nil || !healthy() || names(d) != "ki-wong* msousa" {
		t.Errorf("speaking: %v, up %v, officers %q", err, healthy(), names(d))
	}
	if p, err := d.people.Find(t.Context(), "0412 7781"); err != nil || p.Site != "um" {
		t.Errorf("find: %v, %v", p.Site, err)
	}
	s.Stop()
	line.Cut()
	if err := d.matchStaff(t.Context()); err == nil || healthy() || names(d) != "ki-wong* msousa" {
		t.Errorf("dead: %v, up %v, officers %q", err, healthy(), names(d))
	}
}

func TestLDAPConfiguration(t *testing.T) {
	const head = "desk = \"icto-1\"\nsite = \"um\"\nofficers = \"/etc/officers.csv\"\n[ldap]\n"
	c, err := ParseConfig(head + `uri = "ldaps://ldap.um.edu.mo"
ca = "/etc/tokendesk/ldap-ca.pem"
bind_dn = "cn=desk,dc=um"
base = "ou=people,dc=um"
timeout = "2s"
active = ["active"]
[[ldap.role]]
value = "employee"
role = "staff"
[ldap.attributes]
card = "cardNumber"
status = "accountStatus"
`)
	if err != nil || c.LDAP.Timeout != 2*time.Second || c.LDAP.Roles[0].Role != "staff" ||
		c.LDAP.Attributes.Card != "cardNumber" || !c.hasStaff() {
		t.Errorf("%+v, %v", c.LDAP, err)
	}
	for name, test := range map[string]struct{ text, says string }{
		"unknown key":       {head + "uri=\"ldaps://x\"\nhost=\"x\"", "ldap.host"},
		"unknown attribute": {head + "[ldap.attributes]\nshoe=\"x\"", "ldap.attributes.shoe"},
		"password in file":  {head + "password=\"x\"", "ldap.password"},
		"in clear":          {head + "uri=\"http://x\"", "ldaps://"},
		"no authority":      {head + "uri=\"ldaps://x\"\nbind_dn=\"cn=a\"\nbase=\"dc=a\"", "ca"},
	} {
		if _, err := ParseConfig(test.text); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDirectorysPasswordIsACredential(t *testing.T) {
	c := Config{Credentials: t.TempDir()}
	path := filepath.Join(c.Credentials, credLDAP)
	for text, says := range map[string]string{"": "empty", "\n": "empty"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ldapPassword(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := os.WriteFile(path, []byte("pass word \r\nnext\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	password, err := c.ldapPassword()
	if err != nil || !bytes.Equal(password.Expose(), []byte("pass word ")) {
		t.Errorf("%d bytes, %v", password.Len(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ldapPassword(); err == nil {
		t.Error("a password others can read is taken")
	}
}
