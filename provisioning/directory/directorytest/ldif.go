package directorytest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The tree of the test's directory.
const (
	suffixDN = "dc=um,dc=example"
	peopleDN = "ou=people," + suffixDN
	groupsDN = "ou=groups," + suffixDN
	// ServiceDN is the account the desk asks as, and ServicePassword its password.
	ServiceDN       = "cn=desk,ou=services," + suffixDN
	ServicePassword = "the desk's own (password)"
)

// schema is what a university adds to inetOrgPerson. The numbers are from the arc OpenLDAP keeps for
// experiments.
const schema = `
attributetype ( 1.3.6.1.4.1.4203.666.1.9001 NAME 'deskCard' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9002 NAME 'deskCardUID' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9003 NAME 'deskCardUntil' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.9004 NAME 'deskCardReplacedBy' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9005 NAME 'deskBorn' EQUALITY numericStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.36 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.9006 NAME 'deskIdentityCard' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9007 NAME 'deskPassport' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9008 NAME 'deskDevices' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.9009 NAME 'deskStatus' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9010 NAME 'deskSince' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.9011 NAME 'deskGroup' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.4203.666.1.9100 NAME 'deskPerson' SUP top AUXILIARY MAY ( deskCard $ deskCardUID $ deskCardUntil $ deskCardReplacedBy $ deskBorn $ deskIdentityCard $ deskPassport $ deskDevices $ deskStatus $ deskSince $ deskGroup ) )
`

// roles are the test's words for the site's roles.
var roles = map[string]string{"student": "learner", "staff": "Employee", "visitor": "guest"}

// dn is the entry of a person.
func dn(p Person) string { return "uid=" + ldap.EscapeDN(p.Account) + "," + peopleDN }

// ldif writes a directory for slapadd.
type ldif struct{ *bufio.Writer }

func (w ldif) attr(name, value string) {
	if value != "" {
		fmt.Fprintf(w, "%s:: %s\n", name, base64.StdEncoding.EncodeToString([]byte(value)))
	}
}

func (w ldif) entry(dn string, pairs ...string) {
	fmt.Fprintf(w, "dn: %s\n", dn)
	for i := 0; i+1 < len(pairs); i += 2 {
		w.attr(pairs[i], pairs[i+1])
	}
	fmt.Fprintln(w)
}

func writeLDIF(out io.Writer, people []Person) error {
	w := ldif{bufio.NewWriterSize(out, 1<<20)}
	w.entry(suffixDN, "objectClass", "dcObject", "objectClass", "organization", "dc", "um", "o", "UM")
	for _, ou := range []string{"people", "groups", "services"} {
		w.entry("ou="+ou+","+suffixDN, "objectClass", "organizationalUnit", "ou", ou)
	}
	w.entry(ServiceDN, "objectClass", "organizationalRole", "objectClass", "simpleSecurityObject",
		"cn", "desk", "userPassword", ServicePassword)
	for _, p := range people {
		w.person(p)
	}
	w.group("officers", people, func(p Person) bool { return p.Officer })
	w.group("supervisors", people, func(p Person) bool { return p.Supervisor })
	return w.Flush()
}

func (w ldif) person(p Person) {
	moment := func(t time.Time, layout string) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(layout)
	}
	status := "active"
	if p.Left {
		status = "left"
	}
	// The time of day is noon in Macau: a day is the site's.
	until := moment(p.CardUntil.Add(4*time.Hour), "20060102150405Z")
	if p.CardUntil.IsZero() {
		until = ""
	}
	groups := map[bool]string{true: "cn=officers," + groupsDN}
	w.entry(dn(p), "objectClass", "inetOrgPerson", "objectClass", "deskPerson", "uid", p.Account,
		"cn", p.Name, "sn", p.Name, "cn;lang-zh-hant", p.Native, "employeeNumber", string(p.ID),
		"employeeType", roles[p.Role], "ou", p.Unit, "mail", p.Mail, "mobile", p.Phone,
		"preferredLanguage", p.Lang, "userPassword", p.Password, "jpegPhoto", string(p.Photo),
		"deskCard", p.Card, "deskCardUID", p.CardUID, "deskCardUntil", until,
		"deskCardReplacedBy", p.CardReplacedBy, "deskBorn", moment(p.Born, "20060102"),
		"deskIdentityCard", p.IdentityCard, "deskPassport", p.Passport,
		"deskDevices", strconv.Itoa(p.Devices), "deskStatus", status,
		"deskSince", moment(p.Since, time.DateOnly), "deskGroup", groups[p.Officer],
		"deskGroup", map[bool]string{true: "cn=supervisors," + groupsDN}[p.Supervisor])
}

func (w ldif) group(name string, people []Person, in func(Person) bool) {
	pairs := []string{"objectClass", "groupOfNames", "cn", name}
	for _, p := range people {
		if in(p) {
			pairs = append(pairs, "member", dn(p))
		}
	}
	// Somebody who is gone stays in many a group.
	w.entry("cn="+name+","+groupsDN, append(pairs, "member", "uid=gone,"+peopleDN)...)
}
