//go:build rig && linux

package systemd_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/systemd"
)

// installed are the files of an installation, by name: what is embedded is what is installed.
func installed(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := fs.ReadDir(systemd.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := systemd.Files.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

// place is where the head of a file says that it is installed; units have one place.
var place = regexp.MustCompile(`(?m)^# Installed as (/[^\s:]*[^\s:.])`)

func guestOnly(t *testing.T) {
	t.Helper()
	if os.Getenv(inGuest) == "" {
		t.Skip("runs inside the rig: see TestRig")
	}
}

// installedAt is where an installation has everything: the defaults.
var installedAt = places{"/etc/tokendesk", "/var/lib/tokendesk", "/var/lib/tokendesk-verifier",
	"/run/tokendesk/admin.sock", "/run/tokendesk-verifier/admin.sock"}

// TestGuestMachine installs, starts, and breaks both daemons under systemd. The steps build on each
// other.
func TestGuestMachine(t *testing.T) {
	guestOnly(t)
	m := &machine{world: world{t: t, bin: "/usr/bin", at: installedAt}}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"install", m.install}, {"start", m.start}, {"confined", m.confined}, {"lend", m.lend},
		{"watchdog", m.watchdog}, {"killed_under_load", m.kills}, {"nothing_denied", m.nothingDenied},
	} {
		if !t.Run(step.name, func(t *testing.T) { m.t = t; step.do() }) {
			t.Log(m.journal())
			return
		}
	}
}

// machine is a world under systemd.
type machine struct {
	world
	// lent are the tokens that a screen said are lent, used the codes that were accepted.
	lent []int
	used map[string]string
}

var units = []string{"tokendeskd", "verifierd"}

func (m *machine) journal() string {
	out, _ := exec.Command("journalctl", "-b", "--no-pager", "-o", "short-monotonic",
		"-u", "tokendeskd", "-u", "verifierd", "-u", "*.socket").CombinedOutput()
	return string(out)
}

func (m *machine) install() {
	for _, name := range []string{"tokendeskd", "tokendesk", "verifierd", "virtualusb"} {
		must(m.t, "cp", os.Getenv(inGuest)+"/"+name, "/usr/bin/"+name)
	}
	files, err := filepath.Glob(usbtest.Work + "/units/*")
	if err != nil || len(files) == 0 {
		m.t.Fatal("nothing to install", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "-tpm.conf") {
			continue // this machine has no TPM, and with them its credentials would not open
		}
		to := "/usr/lib/systemd/system/" + filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			m.t.Fatal(err)
		}
		if said := place.FindSubmatch(data); said != nil {
			to = string(said[1])
		}
		write(m.t, to, string(data), 0o644)
	}
	must(m.t, "systemd-sysusers")
	must(m.t, "systemd-tmpfiles", "--create", "tokendesk.conf")
	must(m.t, "udevadm", "control", "--reload")
	must(m.t, "tar", "-xf", usbtest.Work+"/state.tar", "-C", "/root")
	must(m.t, "sh", "-c", "cp -a /root/etc/. /etc/tokendesk && chown -R root: /etc/tokendesk && "+
		"mv /root/desk /var/lib/tokendesk && chown -R tokendesk: /var/lib/tokendesk && "+
		"mv /root/verifier /var/lib/tokendesk-verifier && "+
		"chown -R tokendesk-verifier: /var/lib/tokendesk-verifier")
	write(m.t, "/run/systemd/timesync/synchronized", "", 0o644) // the host has set the clock
	must(m.t, "systemctl", "daemon-reload")
}

// start opens the sockets alone. Whoever connects starts what is behind them.
func (m *machine) start() {
	must(m.t, "systemctl", "start", "tokendeskd.socket", "tokendeskd-feed.socket", "verifierd.socket")
	for _, unit := range units {
		if got := m.show(unit, "ActiveState"); got != "inactive" {
			m.t.Errorf("before anybody came, %s is %s", unit, got)
		}
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Get(deskScreen() + "/")
	if err != nil {
		m.t.Fatalf("the first page: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		m.t.Errorf("the first page: %s", resp.Status)
	}
	if m.accepted("nobody", "123456") {
		m.t.Error("nobody was let in")
	}
	for _, unit := range units {
		if got := m.show(unit, "ActiveState"); got != "active" {
			m.t.Errorf("after somebody came, %s is %s", unit, got)
		}
	}
	m.follow()
}

// show is a property of a unit.
func (m *machine) show(unit, property string) string {
	return strings.TrimSpace(must(m.t, "systemctl", "show", "--value", "-p", property, unit))
}

// confined asks the kernel what the running daemons may do.
func (m *machine) confined() {
	for _, unit := range units {
		pid := m.show(unit, "MainPID")
		for key, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2",
			"CapEff": "0000000000000000", "CapBnd": "0000000000000000"} {
			if got := statusOf(m.t, pid, key); got != want {
				m.t.Errorf("%s: %s is %s, want %s", unit, key, got, want)
			}
		}
		limits := must(m.t, "cat", "/proc/"+pid+"/limits")
		for _, want := range []string{`Max core file size +0 +0 `, `Max open files +32768 +32768 `} {
			if !regexp.MustCompile(want).MatchString(limits) {
				m.t.Errorf("%s: no limit %q in\n%s", unit, want, limits)
			}
		}
		ids := m.show(unit, "UID")
		if out, err := exec.Command("nsenter", "--user", "--target", pid, "--setuid", ids, "--setgid", ids,
			"cat", "/proc/"+pid+"/environ").CombinedOutput(); err == nil {
			m.t.Errorf("%s: another process of its user looks into it:\n%s", unit, out)
		}
	}
	root := "/proc/" + m.show("verifierd", "MainPID") + "/root"
	for _, hidden := range []string{"/root", "/home", "/var/lib/tokendesk", "/var/lib/dpkg", "/boot"} {
		if left, err := os.ReadDir(root + hidden); err == nil && len(left) > 0 {
			m.t.Errorf("the verifier sees %s: %v", hidden, left)
		}
	}
}

func statusOf(t *testing.T, pid, key string) string {
	t.Helper()
	file, err := os.Open("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); name == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// lend lends one token, by USB, under the units.
func (m *machine) lend() { m.lendOne() }

func (m *machine) lendOne() {
	i := len(m.lent)
	unplug := m.plug(i)
	defer unplug()
	m.issue(i, 60*time.Second, func() {})
	m.finish()
	m.lent = append(m.lent, i)
}

// watchdog: both are asked for signs of life and give them, and one that is stopped is started
// anew.
func (m *machine) watchdog() {
	for _, unit := range units {
		if got := m.show(unit, "WatchdogUSec"); got != "30s" {
			m.t.Errorf("%s: the watchdog waits %s", unit, got)
		}
		if got := m.show(unit, "WatchdogTimestampMonotonic"); got == "0" {
			m.t.Errorf("%s gave no sign of life", unit)
		}
	}
	for _, unit := range units {
		m.standsStill(unit)
	}
	m.follow()
}

// standsStill stops a daemon, which systemd then starts anew, sooner than it does elsewhere.
func (m *machine) standsStill(unit string) {
	write(m.t, "/run/systemd/system/"+unit+".service.d/patience.conf", "[Service]\nWatchdogSec=5s\n", 0o644)
	must(m.t, "systemctl", "daemon-reload")
	must(m.t, "systemctl", "restart", unit)
	first := m.show(unit, "WatchdogTimestampMonotonic")
	if !within(20*time.Second, func() bool { return m.show(unit, "WatchdogTimestampMonotonic") != first }) {
		m.t.Errorf("the signs of life of %s ended", unit)
	}
	pid := m.stop(unit)
	if !within(40*time.Second, func() bool { return m.alive(unit, pid) }) {
		m.t.Errorf("%s stands still and is not started anew", unit)
	}
}

// stop makes a daemon stand still.
func (m *machine) stop(unit string) (pid string) {
	pid = m.show(unit, "MainPID")
	number, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(number, syscall.SIGSTOP)
	}
	if err != nil {
		m.t.Fatalf("stop %s: %v", unit, err)
	}
	return pid
}

// alive says that the unit is up, as another process than before.
func (m *machine) alive(unit, before string) bool {
	return m.show(unit, "MainPID") != before && m.show(unit, "ActiveState") == "active"
}

// kills has systemd kill each daemon several times while tokens are lent and codes are checked.
func (m *machine) kills() {
	rounds := 2
	if os.Getenv("SOAK") == "1" {
		rounds = 15
	}
	m.used = map[string]string{}
	ended := make(chan error, 1)
	go func() { ended <- m.killer(rounds) }()
	for busy := true; busy; {
		m.lendOne()
		m.useOnce(len(m.lent) - 1)
		select {
		case err := <-ended:
			if err != nil {
				m.t.Fatal(err)
			}
			busy = false
		default:
		}
	}
	m.nothingLost()
}

// killer kills each daemon so often, and waits for it to come back.
func (m *machine) killer(rounds int) error {
	for round := range rounds {
		for _, unit := range units {
			time.Sleep(time.Duration(300+rand.IntN(1700)) * time.Millisecond)
			out, err := exec.Command("systemctl", "show", "--value", "-p", "MainPID", unit).Output()
			if err != nil {
				return err
			}
			if err := exec.Command("systemctl", "kill", "-s", "KILL", unit).Run(); err != nil {
				return fmt.Errorf("kill %s: %w", unit, err)
			}
			if !within(30*time.Second, func() bool { return m.alive(unit, strings.TrimSpace(string(out))) }) {
				return fmt.Errorf("%s does not come back after kill %d", unit, round)
			}
		}
	}
	return nil
}

// useOnce signs in with a code. Where the verifier is killed before it answers, nobody knows
// whether it was used.
func (m *machine) useOnce(i int) {
	otp, err := m.press(i)
	if err != nil {
		m.t.Fatal(err)
	}
	accepted, err := m.ask(account(i), otp)
	switch {
	case err == nil && accepted:
		m.used[otp] = account(i)
	case err == nil:
		m.t.Errorf("token %d, which was lent, is not accepted", serial(i))
	}
}

// nothingLost holds every loan and every used code that was told against what is true now.
func (m *machine) nothingLost() {
	m.follow()
	for otp, account := range m.used {
		if m.accepted(account, otp) {
			m.t.Errorf("%s signed in twice with one code", account)
		}
	}
	for _, i := range m.lent {
		otp, err := m.press(i)
		if err != nil {
			m.t.Fatal(err)
		}
		if !m.accepted(account(i), otp) {
			m.t.Errorf("token %d, which was lent, is not accepted", serial(i))
		}
	}
	if got := m.status().OpenLoans; got != len(m.lent) {
		m.t.Errorf("%d tokens are lent, the desk says %d", len(m.lent), got)
	}
	m.t.Logf("%d tokens lent, %d codes used", len(m.lent), len(m.used))
	for _, unit := range units {
		m.t.Logf("%s was started anew %s times", unit, m.show(unit, "NRestarts"))
	}
}

// denied is how the kernel says that a call was refused by a filter. Process 1 has it say so where
// it is started with SYSTEMD_LOG_SECCOMP. clone3 (435) is refused by RestrictNamespaces to
// everybody, so that the C library takes the older call, whose flags a filter can read.
var denied = regexp.MustCompile(`.*type=1326 .*`)

func (m *machine) nothingDenied() {
	kernel := must(m.t, "journalctl", "-b", "--no-pager", "-k")
	for _, line := range denied.FindAllString(kernel, -1) {
		if !strings.Contains(line, " syscall=435 ") {
			m.t.Errorf("a call was denied: %s", line)
		}
	}
	must(m.t, "systemd-run", "--wait", "-p", "SystemCallFilter=~mkdir mkdirat", "-p",
		"SystemCallErrorNumber=EPERM", "/bin/sh", "-c", "! mkdir /tmp/denied")
	if !within(5*time.Second, func() bool {
		return strings.Contains(must(m.t, "journalctl", "-b", "--no-pager", "-k"), `comm="mkdir"`)
	}) {
		m.t.Error("the kernel does not say what it denies: this test sees nothing")
	}
	if !m.status().ClockSynced {
		m.t.Error("the desk does not know that its clock is set")
	}
}
