package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestExposure has systemd itself score the units, as they are and with the line of a site that
// says whom they may reach: 0 is the least exposed, 10 the most.
func TestExposure(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		need(t, "systemd-analyze")
	}
	for unit, below := range map[string]float64{"tokendeskd": 1.5, "verifierd": 1.0} {
		dir := t.TempDir()
		service := filepath.Join(dir, unit+".service")
		text := string(file(t, unit+".service"))
		if got := exposure(t, tool, service, text); got >= below {
			t.Errorf("%s: %.1f, not below %.1f", unit, got, below)
		}
		site := strings.ReplaceAll(string(file(t, unit+"-network.conf")), "#IPAddressAllow", "IPAddressAllow")
		if got := exposure(t, tool, service, text+site); got >= below {
			t.Errorf("%s, with whom it may reach: %.1f, not below %.1f", unit, got, below)
		}
		loose := strings.ReplaceAll(text, "SystemCallFilter=@", "#")
		if got := exposure(t, tool, service, loose); got < below {
			t.Errorf("%s without a filter of calls scores %.1f: this test sees nothing", unit, got)
		}
	}
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var overall = regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+) `)

// exposure is the figure for a text of a unit.
func exposure(t *testing.T, tool, service, text string) float64 {
	t.Helper()
	if err := os.WriteFile(service, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "security", "--offline=true", "--no-pager", service).CombinedOutput()
	if err != nil {
		t.Fatalf("score %s: %v\n%s", service, err, out)
	}
	said := overall.FindSubmatch(out)
	if said == nil {
		t.Fatalf("score %s: no figure in\n%s", service, out)
	}
	figure, err := strconv.ParseFloat(string(said[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return figure
}
