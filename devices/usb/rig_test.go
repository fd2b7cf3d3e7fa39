//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
)

// The rig is one test binary run twice: TestRig boots guests, which run the same binary with the
// tests named TestGuest and print what came out.

// inGuest is set in the guest's environment.
const inGuest = "TOKENDESK_RIG_GUEST"

// guestTools are Debian's own programs, which we did not write, and the package of each.
var guestTools = map[string]string{
	"ykinfo": "yubikey-personalization", "ykpersonalize": "yubikey-personalization",
	"ykchalresp": "yubikey-personalization", "ykman": "yubikey-manager", "oathtool": "oathtool",
	"udevadm": "udev",
	"pcscd":   "pcscd", "opensc-tool": "opensc",
}

// slowTests start Python or udevd, or wait for keystrokes that must not come.
const slowTests = "^TestGuest(Yk|Silence|OpenAtOnce|Rule)"

// readerTests are those of card readers; their guest has one of qemu's own.
const readerTests = "^TestGuestReader"

// TestRig boots Debian's kernel, in three guests at once, and reports each of the guests' tests as
// its own. RIG_TESTS is for working on some of them.
func TestRig(t *testing.T) {
	usbtest.Need(t, guestTools)
	if only := os.Getenv("RIG_TESTS"); only != "" {
		report(t, "-test.run="+only)
		return
	}
	for name, args := range map[string][]string{
		"tools":  {"-test.run=" + slowTests},
		"driver": {"-test.run=^TestGuest", "-test.skip=" + slowTests + "|" + readerTests},
		"reader": {"-test.run=" + readerTests},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report(t, args...)
		})
	}
}

// report runs tests in a guest and turns each into a subtest.
func report(t *testing.T, args ...string) {
	t.Helper()
	output, status := bootGuest(t, 6*time.Minute, args...)
	line := regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): TestGuest(\w+) \((.*)\)$`)
	found := line.FindAllStringSubmatch(output, -1)
	for _, m := range found {
		t.Run(m[2], func(t *testing.T) {
			t.Logf("%s in %s of the guest", m[1], m[3])
			if m[1] != "PASS" {
				t.Errorf("%s in the guest; its output is below", m[1])
			}
		})
	}
	if testing.Verbose() {
		t.Log(output)
	}
	if status != 0 || len(found) == 0 || t.Failed() {
		t.Errorf("%d tests in the guest, exit status %d:\n%s", len(found), status, output)
	}
}

// bootGuest runs this test binary in the guest.
func bootGuest(t *testing.T, limit time.Duration, args ...string) (output string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{}
	for _, name := range []string{"72-tokendesk.rules", "72-tokendesk-readers.rules"} {
		rule, err := os.ReadFile("../../systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		rules[name] = string(rule)
	}
	virtualusb := filepath.Join(t.TempDir(), "virtualusb")
	build := exec.Command("go", "build", "-o", virtualusb, "../../cmd/virtualusb")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build cmd/virtualusb: %v\n%s", err, out)
	}
	guest := usbtest.Guest{
		Binary: self,
		Args:   append([]string{"-test.v", "-test.timeout=" + limit.String()}, args...),
		Env: []string{inGuest + "=1", "CI=" + os.Getenv("CI"),
			"SOAK=" + os.Getenv("SOAK")},
		Files:    rules,
		Programs: map[string]string{"virtualusb": virtualusb},
		Timeout:  limit + 15*time.Second,
	}
	if strings.Contains(args[0], "Reader") {
		guest.Devices = qemuReader(t)
	}
	return usbtest.Run(t, guest)
}

// guestOnly skips a test that was started outside the rig.
func guestOnly(t testing.TB) {
	t.Helper()
	if os.Getenv(inGuest) == "" {
		t.Skip("runs inside the kernel rig: see TestRig")
	}
}
