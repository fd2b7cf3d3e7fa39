package systemd

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// desk is the origin that the browsers may visit: the socket of the screen's unit.
const desk = "http://127.0.0.1:8440"

// policy reads the policy as the browser does.
func policy(t *testing.T) map[string]any {
	t.Helper()
	data, err := Files.ReadFile("chromium-policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPolicy demands what keeps a person at the counter on the desk's own pages.
func TestPolicy(t *testing.T) {
	p := policy(t)
	for name, want := range map[string]any{
		"URLBlocklist": []any{"*", "chrome://*", "chrome-untrusted://*", "devtools://*"}, "URLAllowlist": []any{desk}, "ExtensionInstallBlocklist": []any{"*"},
		"DeveloperToolsAvailability": 2.0, "DefaultWebHidGuardSetting": 2.0,
		"DefaultWebUsbGuardSetting": 2.0, "DefaultSerialGuardSetting": 2.0,
		"DefaultWebBluetoothGuardSetting": 2.0, "DownloadRestrictions": 3.0, "PrintingEnabled": false,
		"AllowFileSelectionDialogs": false, "PasswordManagerEnabled": false,
		"AutofillAddressEnabled": false, "AutofillCreditCardEnabled": false, "TranslateEnabled": false,
		"BrowserSignin": 0.0, "SyncDisabled": true, "DefaultClipboardSetting": 2.0,
	} {
		if diff := cmp.Diff(want, p[name]); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	socket, err := Files.ReadFile("tokendeskd.socket")
	if err != nil || !strings.Contains(string(socket), "ListenStream="+strings.TrimPrefix(desk, "http://")) {
		t.Errorf("the screen's socket is not at %s (%v)", desk, err)
	}
}

// settings reads the lines of a unit, the continued ones as one.
func settings(t *testing.T, name string) []string {
	t.Helper()
	data, err := Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.ReplaceAll(string(data), "\\\n", ""), "\n")
}

// TestBrowserUnits: what must never be lost from the two units, and what must never come into them.
func TestBrowserUnits(t *testing.T) {
	var rest [][]string
	for unit, user := range map[string]string{
		"tokendesk-kiosk.service": "tokendesk-kiosk", "tokendesk-person.service": "tokendesk-person",
	} {
		lines := settings(t, unit)
		for _, want := range []string{"User=" + user, "IPAddressDeny=any", "IPAddressAllow=localhost",
			"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "NoNewPrivileges=yes",
			"DevicePolicy=closed", "CapabilityBoundingSet=", "RuntimeDirectory=" + user} {
			if !slices.Contains(lines, want) {
				t.Errorf("%s has no %s", unit, want)
			}
		}
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "ExecStart=") })
		words := strings.Fields(lines[i])
		for _, want := range []string{"--kiosk", "--incognito", "--ozone-platform=wayland",
			"--no-first-run", "--noerrdialogs", "--disable-pinch", "--overscroll-history-navigation=0"} {
			if !slices.Contains(words, want) {
				t.Errorf("%s: the browser is started without %s", unit, want)
			}
		}
		text := strings.Join(words, " ")
		if strings.Contains(text, "no-sandbox") || strings.Contains(text, "remote-debugging") ||
			!strings.HasPrefix(words[len(words)-1], desk+"/") {
			t.Errorf("%s: %s", unit, text)
		}
		rest = append(rest, slices.DeleteFunc(lines, func(l string) bool {
			return !strings.HasPrefix(l, "Protect") && !strings.HasPrefix(l, "Restrict") &&
				!strings.HasPrefix(l, "Private") && !strings.HasPrefix(l, "Inaccessible")
		}))
	}
	if diff := cmp.Diff(rest[0], rest[1]); diff != "" {
		t.Errorf("the two are confined differently:\n%s", diff)
	}
}

// TestFilesSayWhereTheyGo: whoever installs by hand copies each file to the place its head names.
// Units and policy, which have one place each, may leave it out.
func TestFilesSayWhereTheyGo(t *testing.T) {
	for _, name := range []string{"71-tokendesk-readers.rules", "72-tokendesk-readers.rules",
		"72-tokendesk.rules", "tokendesk.sysusers", "tokendesk.tmpfiles", "tokendesk-kiosk.pam",
		"tokendesk-kiosk.service", "tokendesk-person.service", "tokendeskd-network.conf",
		"verifierd-network.conf", "tokendesk.catalog"} {
		data, err := Files.ReadFile(name)
		if err != nil || !strings.Contains(string(data), "Installed as /") {
			t.Errorf("%s does not say where it goes (%v)", name, err)
		}
	}
}
