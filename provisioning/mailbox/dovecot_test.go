package mailbox

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// dovecot is Debian's IMAP server, started for one test on its own files.
type dovecot struct {
	dir        string
	plain, tls string
	ca         []byte
	uid, gid   int
	delivered  int
	maildir    string
}

const dovecotConfig = `
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = required
auth_failure_delay = 0
ssl_cert = <%[1]s/cert
ssl_key = <%[1]s/key
default_internal_user = %[2]s
default_internal_group = %[3]s
default_login_user = %[2]s
first_valid_uid = 1
mail_location = maildir:%[1]s/mail
namespace inbox {
  inbox = yes
  separator = /
}
passdb {
  driver = static
  args = password=s3cret
}
userdb {
  driver = static
  args = uid=%[4]d gid=%[5]d home=%[1]s/home
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[6]s
  }
  inet_listener imaps {
    port = %[7]s
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`

// startDovecot runs the server; without it the test skips, but not on CI.
func startDovecot(t *testing.T) *dovecot {
	t.Helper()
	bin, err := exec.LookPath("dovecot")
	if err != nil {
		if bin = "/usr/sbin/dovecot"; !exists(bin) {
			if os.Getenv("CI") == "true" {
				t.Fatal("dovecot-imapd is missing")
			}
			t.Skip("dovecot-imapd is not installed")
		}
	}
	d := &dovecot{}
	d.prepare(t)
	cmd := exec.Command(bin, "-F", "-c", filepath.Join(d.dir, "conf"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It would take its time to stop: it and its children are killed as one group.
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", d.tls)
		if err == nil {
			_ = conn.Close()
			return d
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(filepath.Join(d.dir, "log"))
			t.Fatalf("dovecot does not answer: %s%s", out.Bytes(), said)
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// prepare makes its folder. Dovecot gives root no mail, so as root it works for "nobody".
func (d *dovecot) prepare(t *testing.T) {
	t.Helper()
	who, err := user.Current()
	if err == nil && who.Uid == "0" {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		t.Fatal(err)
	}
	d.uid, _ = strconv.Atoi(who.Uid)
	d.gid, _ = strconv.Atoi(who.Gid)
	if d.dir, err = os.MkdirTemp("", "dovecot"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(d.dir) })
	plain, secure := freePort(t), freePort(t)
	d.plain, d.tls, d.maildir = "127.0.0.1:"+plain, "127.0.0.1:"+secure, filepath.Join(d.dir, "mail")
	var key []byte
	d.ca, key = certificate(t)
	config := fmt.Sprintf(dovecotConfig, d.dir, who.Username, group.Name, d.uid, d.gid, plain, secure)
	for name, data := range map[string][]byte{"cert": d.ca, "key": key, "conf": []byte(config)} {
		if err := os.WriteFile(filepath.Join(d.dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"", "home", "mail", "mail/new", "mail/cur", "mail/tmp", "state",
		"run"} {
		path := filepath.Join(d.dir, dir)
		_ = os.Mkdir(path, 0o755)
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir != "" && dir != "run" && os.Geteuid() == 0 {
			if err := os.Chown(path, d.uid, d.gid); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// deliver puts a message into the mailbox, as a mail server does.
func (d *dovecot) deliver(t *testing.T, raw string) {
	t.Helper()
	d.delivered++
	path := filepath.Join(d.maildir, "new", fmt.Sprintf("%d.test", 1700000000+d.delivered))
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, d.uid, d.gid); err != nil {
			t.Fatal(err)
		}
	}
}

// seen counts the messages marked as read.
func (d *dovecot) seen(t *testing.T, folder string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.maildir, folder, "cur", "*:2,*S*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// renumber makes the server give every message a new place, unread.
func (d *dovecot) renumber(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.maildir, "cur", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ":")
		if err := os.Rename(file, filepath.Join(d.maildir, "new", name)); err != nil {
			t.Fatal(err)
		}
	}
	files, _ = filepath.Glob(filepath.Join(d.maildir, "dovecot*"))
	for _, file := range files {
		_ = os.Remove(file)
	}
}

type clock struct{}

func (clock) Now() time.Time { return time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC) }
func (clock) Synced() bool   { return true }

func (d *dovecot) config(ledger provisioning.Ledger) Config {
	return Config{Ledger: ledger, Desk: "desk1", Clock: clock{}, Log: slog.New(slog.DiscardHandler),
		Server: d.tls, Implicit: true, Login: "desk", Password: secret.NewPassword("s3cret"), CA: d.ca,
		Timeout: 5 * time.Second}
}

func poll(t *testing.T, c Config) error {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p.Poll(t.Context())
}

func message(id int) string {
	return fmt.Sprintf("From: Chan <chan@example.edu>\r\nSubject: request %d\r\nMessage-ID: <%d@x>\r\n\r\n"+
		"E1234, 1234, my phone is at home\r\n", id, id)
}

// Each message is taken once, whatever fails in between, and marked as read only after.
func TestDovecot(t *testing.T) {
	d := startDovecot(t)
	ledger := provisioningtest.NewLedger()
	c := d.config(ledger)
	d.deliver(t, message(1))
	d.deliver(t, "From: big@example.edu\r\nMessage-ID: <2@x>\r\n\r\n"+strings.Repeat("0123456789", 500_000))

	ledger.Before = func(int) error { return os.ErrClosed }
	if err := poll(t, c); err == nil || d.seen(t, "") != 0 {
		t.Fatalf("not durable, and marked: %v, %d", err, d.seen(t, ""))
	}
	ledger.Before = nil
	plain := c
	plain.Server, plain.Implicit = d.plain, false
	if err := poll(t, plain); err != nil {
		t.Fatalf("over STARTTLS: %v", err)
	}
	list := provisioning.Requests(ledger.Snapshot())
	if len(list) != 2 || d.seen(t, "") != 2 {
		t.Fatalf("%d requests, %d marked", len(list), d.seen(t, ""))
	}
	for _, r := range list {
		switch r.From {
		case "chan@example.edu":
			if r.Title != "request 1" || r.Text != "E1234, 1234, my phone is at home" || r.Cut {
				t.Errorf("%+v", r)
			}
		default:
			if len(r.Text) != maxText || !r.Cut {
				t.Errorf("%d bytes, cut %v", len(r.Text), r.Cut)
			}
		}
	}
	d.again(t, plain, ledger)
	d.refuses(t, c)
}

// again: what was taken stays taken, after new numbers and after a form that was closed; what is
// new is taken, and moved where that is asked for.
func (d *dovecot) again(t *testing.T, c Config, ledger *provisioningtest.Ledger) {
	t.Helper()
	d.renumber(t)
	for range 2 {
		if err := poll(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(provisioning.Requests(ledger.Snapshot())); n != 2 || d.seen(t, "") != 2 {
		t.Fatalf("after new numbers: %d requests, %d marked", n, d.seen(t, ""))
	}
	moved := filepath.Join(d.maildir, ".Taken")
	for _, dir := range []string{moved, moved + "/cur", moved + "/new", moved + "/tmp"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			_ = os.Chown(dir, d.uid, d.gid)
		}
	}
	d.deliver(t, message(3))
	c.Moved = "Taken"
	if err := poll(t, c); err != nil {
		t.Fatal(err)
	}
	if n := len(provisioning.Requests(ledger.Snapshot())); n != 3 || d.seen(t, ".Taken") != 1 {
		t.Errorf("%d requests, %d moved", n, d.seen(t, ".Taken"))
	}
}

// refuses: no other CA, no wrong password, no plain line.
func (d *dovecot) refuses(t *testing.T, c Config) {
	t.Helper()
	for name, edit := range map[string]func(*Config){
		"another CA":     func(c *Config) { c.CA, _ = certificate(t) },
		"no pinned CA":   func(c *Config) { c.CA = nil },
		"wrong password": func(c *Config) { c.Password = secret.NewPassword("wrong") },
		"no such folder": func(c *Config) { c.Folder = "nowhere" },
		"plain line":     func(c *Config) { c.Server = d.plain },
	} {
		other := c
		edit(&other)
		other.Timeout = 500 * time.Millisecond
		if err := poll(t, other); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A server that says nothing, and one that never stops, keep nobody; a stop ends a look at once.
func TestHostileServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = fmt.Fprintf(conn, "* OK hello\r\n")
				for err == nil {
					_, err = conn.Write(bytes.Repeat([]byte("* NO \r\n"), 1<<12))
				}
			}()
		}
	}()
	c := Config{Ledger: provisioningtest.NewLedger(), Desk: "desk1", Clock: clock{},
		Log: slog.New(slog.DiscardHandler), Server: l.Addr().String(), Login: "desk",
		Password: secret.NewPassword("s3cret"), Timeout: 300 * time.Millisecond}
	began := time.Now()
	if err := poll(t, c); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	c.Timeout = time.Minute
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if began = time.Now(); p.Run(ctx) == nil || time.Since(began) > 5*time.Second {
		t.Errorf("a stop took %v", time.Since(began))
	}
}
