package provisioning

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProfiles(t *testing.T) {
	if diff := cmp.Diff([]string{"um-strict", "um", "unimas"}, Profiles()); diff != "" {
		t.Fatal(diff)
	}
	um := mustSite(t, "um")
	if um.Fee != (Money{Minor: 23500, Label: "MOP$"}) || um.Location.String() != "Asia/Macau" ||
		um.Strip != "@um.edu.mo" || !um.PhoneSeen || um.AdviseDevices != 2 {
		t.Errorf("um is %+v", um)
	}
	hours := []Hours{{"mon-thu", []string{"09:00-13:00", "14:00-17:45"}},
		{"fri", []string{"09:00-13:00", "14:00-17:30"}}}
	if diff := cmp.Diff(hours, um.Hours); diff != "" {
		t.Error(diff)
	}
	unimas := mustSite(t, "unimas")
	if unimas.Fee.Minor != 0 || unimas.Location.String() != "Asia/Kuching" {
		t.Errorf("unimas is %+v", unimas)
	}
	if _, err := LoadSite("../um"); err == nil {
		t.Error("a path was taken for a profile")
	}
}

func mustSite(t *testing.T, name string) Site {
	t.Helper()
	site, err := LoadSite(name)
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func TestParseSiteIsStrict(t *testing.T) {
	text, _ := profiles.ReadFile("profiles/um.toml")
	for name, edit := range map[string]func(string) string{
		"unknown key":      func(s string) string { return "phone = true\n" + s },
		"unknown fee key":  func(s string) string { return strings.Replace(s, "minor", "major", 1) },
		"unknown zone":     func(s string) string { return strings.Replace(s, "a/Mac", "a/Max", 1) },
		"unknown evidence": func(s string) string { return strings.Replace(s, "passport", "pasport", 1) },
		"no roles":         func(s string) string { return strings.Replace(s, "roles ", "#", 1) },
		"no terms":         func(s string) string { return strings.Replace(s, "terms ", "#", 1) },
		"seven digits":     func(s string) string { return strings.Replace(s, "= 6", "= 7", 1) },
		"slot 3":           func(s string) string { return strings.Replace(s, "= 2  ", "= 3  ", 2) },
		"no days":          func(s string) string { return strings.Replace(s, "= 180", "= 0", 1) },
		"upper case id":    func(s string) string { return strings.Replace(s, `"um"`, `"UM"`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			changed := edit(string(text))
			if changed == string(text) {
				t.Fatal("the edit did nothing")
			}
			if _, err := ParseSite([]byte(changed)); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestDue(t *testing.T) {
	um := mustSite(t, "um")
	// 17:00 UTC is already the next day in Macau.
	at := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	want := time.Date(2026, 11, 23+um.LoanDays, 23, 59, 59, 0, um.Location)
	if got := um.Due(at, true); !got.Equal(want) {
		t.Errorf("due %v, want %v", got, want)
	}
	if got := um.Due(at, false); !got.IsZero() {
		t.Errorf("a due date was made from a wrong clock: %v", got)
	}
}
