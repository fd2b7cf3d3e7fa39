//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// Who the stand-in for the daemon is: a user of no group but the one that the rule names.
const (
	daemonUser  = 4242
	daemonGroup = 4243
	rulePath    = "/run/udev/rules.d/72-tokendesk.rules"
)

// TestGuestSilence: with udevd and our rule, whatever a token types reaches no input client: with
// the daemon absent, before it opens, while it holds the key, after it closes and after it is
// killed. The same touches without our rule are heard, so the judge is not deaf.
func TestGuestSilence(t *testing.T) {
	guestOnly(t)
	for _, rule := range []bool{false, true} {
		t.Run(fmt.Sprintf("rule=%t", rule), func(t *testing.T) {
			startUdev(t, rule)
			k := plugIn(t, virtual.Options{})
			group := uint32(daemonGroup)
			if !rule {
				group = 0 // without the rule, only root may open the key
			}
			k.programHOTP()
			must(t, "udevadm", "settle")
			k.moments(group, !rule)
		})
	}
}

// moments touches the key at each moment of a daemon's life. heard says whether an input client is
// to hear of it at those moments at which the kernel's keyboard driver would have the key.
func (k *rigKey) moments(group uint32, heard bool) {
	t := k.t
	user := uint32(daemonUser)
	if group == 0 {
		user = 0
	}
	j, total := listen(t), ""
	check := func(moment string, want bool) {
		t.Helper()
		if want {
			k.eventually("the judge listens", j.listens)
		}
		typed := k.touch(1)
		if want && !j.hears(total, typed) || !want && !j.silent(total) {
			t.Errorf("%s: heard %d of %d digits, want all: %t",
				moment, len(j.heard())-len(total), len(typed), want)
		}
		total = j.heard()
	}
	check("no daemon", heard)
	h := startHolder(t, user, group)
	h.do("list")
	check("before the daemon opens", heard)
	h.do("open")
	check("while the daemon holds it", false)
	h.do("close")
	check("after the daemon closed", heard)
	h.do("open")
	h.kill()
	check("after the daemon was killed", false)
	again := startHolder(t, user, group)
	again.do("open")
	again.do("close")
	check("after the next daemon closed", false)
	if !j.silentToTheEnd(total) {
		t.Errorf("heard late: %d digits instead of %d", len(j.heard()), len(total))
	}
	if got := driver(k.keyboard().Path); got != "" {
		t.Errorf("the interface has driver %q at the end", got)
	}
	if !heard && len(inputs()) > 0 {
		t.Errorf("input devices with our rule: %s", inputs())
	}
}

// TestGuestOpenAtOnce opens the key the moment it can be opened, again and again, with udevd still
// at work, and touches it the moment it was closed.
func TestGuestOpenAtOnce(t *testing.T) {
	guestOnly(t)
	startUdev(t, true)
	k := plugIn(t, virtual.Options{})
	k.programHOTP()
	j := listen(t)
	for range 3 {
		k.pull()
		h := startHolder(t, daemonUser, daemonGroup)
		k.plug()
		k.eventually("the daemon has the key", func() bool {
			got := h.ask("open")
			if got != "done" && !refuses(got, devices.ErrPermission) &&
				!refuses(got, devices.ErrUnplugged) {
				t.Errorf("open: %s", got)
			}
			return got == "done"
		})
		h.do("close")
		if k.touch(1); !j.silentToTheEnd("") {
			t.Errorf("the input client heard %d digits", len(j.heard()))
		}
		if got := driver(k.keyboard().Path); got != "" {
			t.Errorf("driver %q came back", got)
		}
		h.kill()
	}
}

// TestGuestRule: the node is the group's and nobody else's.
func TestGuestRule(t *testing.T) {
	guestOnly(t)
	startUdev(t, true)
	k := plugIn(t, virtual.Options{})
	must(t, "udevadm", "settle")
	device, _, _ := strings.Cut(k.keyboard().Path, ":")
	info := must(t, "udevadm", "info", "--path=/sys/bus/usb/devices/"+device)
	node := "/dev/" + fields(info)["N"]
	st, err := os.Stat(node)
	if err != nil {
		t.Fatal(err)
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok || owner.Gid != daemonGroup || st.Mode().Perm() != 0o660 {
		t.Errorf("%s has mode %v, group %d", node, st.Mode(), owner.Gid)
	}
	if regexp.MustCompile(`(?m)^E: CURRENT_TAGS=.*:uaccess:`).MatchString(info) {
		t.Errorf("whoever sits at the screen is given the key:\n%s", info)
	}
	stranger := startHolder(t, daemonUser, daemonUser)
	if got := stranger.ask("open"); !refuses(got, devices.ErrPermission) {
		t.Errorf("a stranger: %q, want %q", got, devices.ErrPermission)
	}
}

// programHOTP fills slot 1 with our driver.
func (k *rigKey) programHOTP() {
	k.t.Helper()
	token := k.open()
	if err := token.Program(k.t.Context(), config(1, 6, nil, nil)); err != nil {
		k.t.Fatal(err)
	}
	if err := token.Close(); err != nil {
		k.t.Fatal(err)
	}
}

// startUdev runs Debian's udevd until the test ends, with Debian's own rules and, if told so, ours.
// The group of our rule exists as sysusers makes it on a box.
func startUdev(t *testing.T, withRule bool) {
	t.Helper()
	groups, err := os.ReadFile("/etc/group")
	if err != nil {
		t.Fatal(err)
	}
	rule, err := os.ReadFile(usbtest.Work + "/72-tokendesk.rules")
	if err != nil {
		t.Fatal(err)
	}
	groups = fmt.Appendf(groups, "tokendesk-usb:x:%d:\n", daemonGroup)
	err = errors.Join(os.MkdirAll(filepath.Dir(rulePath), 0o755),
		os.WriteFile("/run/group", groups, 0o644),
		syscall.Mount("/run/group", "/etc/group", "", syscall.MS_BIND, ""))
	if withRule {
		err = errors.Join(err, os.WriteFile(rulePath, rule, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	udevd := exec.Command("/lib/systemd/systemd-udevd")
	if err := udevd.Start(); err != nil {
		t.Fatal(err)
	}
	if !within(15*time.Second, func() bool {
		_, err := tool("udevadm", "control", "--ping")
		return err == nil
	}) {
		t.Fatal("udevd did not come up")
	}
	t.Cleanup(func() {
		// One that still cleans up behind itself would take away the next one's queue.
		if err := errors.Join(udevd.Process.Signal(syscall.SIGTERM), udevd.Wait()); err != nil {
			t.Errorf("stop udevd: %v", err)
		}
		if err := syscall.Unmount("/etc/group", 0); err != nil {
			t.Error(err)
		}
		// Its last worker may outlive it.
		if !within(15*time.Second, func() bool { return os.RemoveAll("/run/udev") == nil }) {
			t.Error("udevd does not let go of its folder")
		}
	})
}
