package directorytest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/directory"
)

// Server is Debian's slapd with people in it, on ports of its own, under a certificate of an
// authority that was made for it.
type Server struct {
	// LDAPS and LDAP are its addresses, host:port. On the second nobody may bind in clear.
	LDAPS, LDAP string
	// CA is the file of its authority.
	CA string

	t       testing.TB
	program string
	conf    string
	running *exec.Cmd
}

// tool finds a program that Debian keeps where users do not look.
func tool(t testing.TB, name string) string {
	t.Helper()
	for _, path := range []string{"/usr/sbin/" + name, "/usr/bin/" + name} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing (Debian package slapd), and CI needs it", name)
	}
	t.Skipf("%s is missing (Debian package slapd)", name)
	return ""
}

// Slapd starts a server with people in it. It ends with the test. Without slapd the test is skipped,
// unless CI is "true".
func Slapd(t testing.TB, people []Person) *Server {
	t.Helper()
	s := &Server{t: t, program: tool(t, "slapd"), LDAPS: address(t), LDAP: address(t)}
	dir := t.TempDir()
	s.conf = filepath.Join(dir, "slapd.conf")
	s.CA = makeCertificates(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.conf, []byte(config(dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.load(tool(t, "slapadd"), filepath.Join(dir, "people.ldif"), people)
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// address is one nobody listens on.
func address(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func config(dir string) string {
	return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
` + schema + strings.ReplaceAll(`
pidfile DIR/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile DIR/ca.pem
TLSCertificateFile DIR/server.pem
TLSCertificateKeyFile DIR/server.key
security simple_bind=128
threads 4

database mdb
suffix "`+suffixDN+`"
directory DIR/data
maxsize 2147483648
dbnosync
index objectClass,uid,employeeNumber,deskCard,deskCardUID,deskGroup eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="`+ServiceDN+`" read by * none
`, "DIR", dir)
}

// load fills the database without asking the server, which is quick.
func (s *Server) load(program, path string, people []Person) {
	s.t.Helper()
	file, err := os.Create(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := writeLDIF(file, people); err != nil {
		s.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command(program, "-q", "-f", s.conf, "-l", path).CombinedOutput(); err != nil {
		s.t.Fatalf("slapadd: %v\n%s", err, out)
	}
	_ = os.Remove(path)
}

// Start lets the server answer.
func (s *Server) Start() {
	s.t.Helper()
	s.running = exec.Command(s.program, "-d", "0", "-f", s.conf, "-h",
		fmt.Sprintf("ldaps://%s ldap://%s", s.LDAPS, s.LDAP))
	s.running.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := os.Create(s.conf + ".log")
	if err != nil {
		s.t.Fatal(err)
	}
	defer said.Close()
	s.running.Stdout, s.running.Stderr = said, said
	if err := s.running.Start(); err != nil {
		s.t.Fatalf("slapd: %v", err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.LDAPS)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			s.Stop()
			text, _ := os.ReadFile(said.Name())
			s.t.Fatalf("slapd does not listen: %v\n%s", err, text)
		}
	}
}

// Stop ends the server, as if its machine were switched off.
func (s *Server) Stop() {
	if s.running != nil {
		_ = s.running.Process.Kill()
		_ = s.running.Wait()
		s.running = nil
	}
}

// Config asks this server over ldaps. Everything is mapped.
func (s *Server) Config() directory.LDAPConfig {
	return directory.LDAPConfig{URI: "ldaps://" + s.LDAPS, CA: s.CA, BindDN: ServiceDN,
		Base: peopleDN, Filter: "(objectClass=deskPerson)", NativeLang: "zh-Hant",
		Officers: "cn=officers," + groupsDN, Supervisors: "cn=supervisors," + groupsDN,
		Active: []string{"active"}, PhonePrefix: "+853",
		Roles: []directory.RoleValue{{Value: "employee", Role: "staff"},
			{Value: "learner", Role: "student"}, {Value: "guest", Role: "visitor"}},
		Attributes: directory.Attributes{Native: "cn;lang-zh-hant", Role: "employeeType", Unit: "ou",
			Card: "deskCard", CardUID: "deskCardUID", CardUntil: "deskCardUntil",
			CardReplacedBy: "deskCardReplacedBy", Photo: "jpegPhoto", Phone: "mobile", Mail: "mail",
			Lang: "preferredLanguage", Born: "deskBorn", IdentityCard: "deskIdentityCard",
			Passport: "deskPassport", Devices: "deskDevices", Status: "deskStatus",
			Since: "deskSince", Groups: "deskGroup"}}
}
