//go:build rig && linux

package systemd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
)

// inGuest is set in the guest's environment, to where the programs are.
const inGuest = "TOKENDESK_MACHINE"

// guestTools are what the guests run besides what every Debian has, and the package of each.
var guestTools = map[string]string{
	"/lib/systemd/systemd": "systemd", "/lib/systemd/systemd-udevd": "udev",
	"mkfs.ext4": "e2fsprogs", "e2fsck": "e2fsprogs",
}

// programs builds what an installation has, and the tokens. The folder lies in the checkout, where
// the guest sees it too, and keeps what it has read; or in the cache of whoever runs the test, if the
// checkout lies where the guest has a folder of its own.
func programs(t *testing.T) (dir string) {
	t.Helper()
	dir, err := filepath.Abs("../.cache/rig/programs")
	if err == nil && hidden(dir) {
		if dir, err = os.UserCacheDir(); err == nil && hidden(dir) {
			t.Fatalf("the guest does not see %s: put the checkout elsewhere", dir)
		}
		dir = filepath.Join(dir, "tokendesk", "rig", "programs")
	}
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", dir+"/", "../cmd/tokendeskd", "../cmd/tokendesk",
		"../cmd/verifierd", "../cmd/virtualusb")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the programs: %v\n%s", err, out)
	}
	return dir
}

// hidden says whether the guest has a folder of its own where this one lies.
func hidden(dir string) bool {
	return slices.ContainsFunc([]string{"/tmp/", "/run/", "/var/", "/dev/"},
		func(own string) bool { return strings.HasPrefix(dir, own) })
}

// guest is this test binary in the guest.
func guest(t *testing.T, bin, run string, limit time.Duration) usbtest.Guest {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return usbtest.Guest{Binary: self, Timeout: limit, Files: map[string]string{},
		Args: []string{"-test.v", "-test.run=^" + run + "$", "-test.timeout=" + limit.String()},
		Env:  []string{inGuest + "=" + bin, "CI=" + os.Getenv("CI"), "SOAK=" + os.Getenv("SOAK")}}
}

// TestRig runs the two guests side by side.
func TestRig(t *testing.T) {
	usbtest.Need(t, guestTools)
	bin := programs(t)
	t.Run("machine", func(t *testing.T) { t.Parallel(); rigMachine(t, bin) })
	t.Run("power", func(t *testing.T) { t.Parallel(); rigPower(t, bin) })
}

// rigMachine boots this machine's own systemd, where the test installs both daemons by hand and
// works them under their units.
func rigMachine(t *testing.T, bin string) {
	root := t.TempDir()
	prepare(t, bin, root, installedAt)
	g := guest(t, bin, "TestGuestMachine", machineLimit())
	g.Systemd = true
	for name, content := range installed(t) {
		g.Files["units/"+name] = content
	}
	must(t, "tar", "-cf", root+".tar", "-C", root, ".")
	state, err := os.ReadFile(root + ".tar")
	if err != nil {
		t.Fatal(err)
	}
	g.Files["state.tar"] = string(state)
	report(t, g)
}

func machineLimit() time.Duration {
	if os.Getenv("SOAK") == "1" {
		return 15 * time.Minute
	}
	return 8 * time.Minute
}

// report runs a guest and turns each step of its test into a subtest.
func report(t *testing.T, g usbtest.Guest) {
	t.Helper()
	output, status := usbtest.Run(t, g)
	line := regexp.MustCompile(`(?m)^ *--- (PASS|FAIL): TestGuest\w+/(\w+) \((.*)\)$`)
	found := line.FindAllStringSubmatch(output, -1)
	for _, m := range found {
		t.Run(m[2], func(t *testing.T) {
			t.Logf("%s in %s of the guest", m[1], m[3])
			if m[1] != "PASS" {
				t.Error("it failed in the guest; the output is below")
			}
		})
	}
	if testing.Verbose() {
		t.Log(output)
	}
	if status != 0 || len(found) == 0 || t.Failed() {
		t.Errorf("%d steps in the guest, exit status %d:\n%s", len(found), status, output)
	}
}
