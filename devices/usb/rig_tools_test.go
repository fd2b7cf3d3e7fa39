//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// seed is the one of RFC 4226 appendix D: not a secret.
var seed = []byte("12345678901234567890")

// tool runs one of Debian's programs and returns everything it printed.
func tool(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err
}

// must is tool for a program that has to succeed.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := tool(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// expected is what oathtool says a token types at counters 0 to n-1.
func expected(t *testing.T, secret []byte, digits, n int) []string {
	t.Helper()
	return strings.Fields(must(t, "oathtool", "--hotp", fmt.Sprintf("--digits=%d", digits),
		"--counter=0", fmt.Sprintf("--window=%d", n-1), hex.EncodeToString(secret)))
}

// fields reads "name: value" lines.
func fields(out string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			values[name] = value
		}
	}
	return values
}

func TestGuestYkinfoDescribesTheKey(t *testing.T) {
	plugIn(t, virtual.Options{Serial: 7654321, Delivered: true})
	got := fields(must(t, "ykinfo", "-a"))
	want := map[string]string{
		"serial": "7654321", "serial_hex": "74cbb1", "version": "5.4.3",
		"programming_sequence": "1", "slot1_status": "1", "slot2_status": "0",
		"vendor_id": "1050", "product_id": "407",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestGuestYkmanDescribesTheKey(t *testing.T) {
	plugIn(t, virtual.Options{Serial: 7654321, Delivered: true})
	got := fields(must(t, "ykman", "otp", "info"))
	if got["Slot 1"] != "programmed" || got["Slot 2"] != "empty" {
		t.Errorf("ykman otp info says %v", got)
	}
}

// TestGuestYkpersonalizePrograms: what Yubico's C tool writes, the key types, and the kernel's
// input layer carries it to an input client, digit by digit as oathtool computes it.
func TestGuestYkpersonalizePrograms(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	j := listen(t)
	for _, tt := range []struct {
		slot, digits int
		more         []string
	}{
		{1, 6, nil},
		{2, 8, []string{"-ooath-hotp8"}},
		{1, 8, []string{"-ooath-hotp8", "-ouse-numeric-keypad"}},
	} {
		args := append([]string{fmt.Sprintf("-%d", tt.slot), "-y", "-ooath-hotp", "-oappend-cr",
			"-a" + hex.EncodeToString(seed)}, tt.more...)
		must(t, "ykpersonalize", args...)
		k.eventually("the keyboard is back", j.listens)
		for i, want := range expected(t, seed, tt.digits, 3) {
			before := j.heard()
			if typed := k.touch(tt.slot); typed != want {
				t.Errorf("slot %d, counter %d: the key types %q, oathtool says %q",
					tt.slot, i, typed, want)
			}
			if !j.hears(before, want) {
				t.Errorf("slot %d, counter %d: the input client heard %q, want %q",
					tt.slot, i, j.heard()[len(before):], want)
			}
		}
	}
}

func TestGuestYkmanPrograms(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	must(t, "ykman", "otp", "hotp", "--force", "--digits=8", "2",
		base32.StdEncoding.EncodeToString(seed))
	var typed []string
	for range 3 {
		typed = append(typed, k.touch(2))
	}
	if diff := cmp.Diff(expected(t, seed, 8, 3), typed); diff != "" {
		t.Errorf("typed (-oathtool +key):\n%s", diff)
	}
}
