package provisioning

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The Macau profile is exactly what its page says (S54, S55, S63, S64).
func TestMacauPasscodes(t *testing.T) {
	um := mustSite(t, "um")
	terms := []PasscodeTerms{
		{Type: PasscodeShort, Hours: 24, Uses: 5},
		{Type: PasscodeLong, Hours: 7 * 24, Unlimited: true, SecondOfficer: true},
		{Type: PasscodeRecovery, Hours: 24, Uses: 2},
	}
	situations := []Situation{{Key: "phone_forgotten", Passcode: PasscodeShort},
		{Key: "phone_lost", Passcode: PasscodeLong}, {Key: "app_deleted", Passcode: PasscodeLong}}
	if diff := cmp.Diff(terms, um.Passcodes) + cmp.Diff(situations, um.Situations); diff != "" {
		t.Error(diff)
	}
	strict := mustSite(t, "um-strict")
	if strict.ID != um.ID || strict.Name != um.Name {
		t.Errorf("the stricter profile is of %q", strict.ID)
	}
	short, _ := strict.PasscodesOf(PasscodeShort)
	long, _ := strict.PasscodesOf(PasscodeLong)
	if short.Codes() != 5 || short.Uses != 1 || long.For != PurposeEnrol || long.Unlimited {
		t.Errorf("short %+v, long %+v", short, long)
	}
	if unimas := mustSite(t, "unimas"); len(unimas.Passcodes)+len(unimas.Situations) != 0 {
		t.Errorf("its source has no passcodes: %+v", unimas)
	}
}

func TestPasscodeTermsAreStrict(t *testing.T) {
	text, _ := profiles.ReadFile("profiles/um.toml")
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	for name, edit := range map[string]func(string) string{
		"another kind":           replace(`kind  = "short"`, `kind  = "brief"`),
		"a kind twice":           replace(`kind  = "short"`, `kind  = "recovery"`),
		"no hours":               replace("hours = 24", "hours = 0"),
		"two months":             replace("= 168", "= 1488"),
		"no uses and no word":    replace("unlimited      = true", "unlimited      = false"),
		"uses and unlimited":     replace("unlimited      = true", "unlimited      = true\nuses = 3"),
		"less than no use":       replace("uses  = 5", "uses  = -5"),
		"eleven codes":           replace("uses  = 5", "uses  = 1\ncount = 11"),
		"a list used twice":      replace("uses  = 5", "uses  = 2\ncount = 5"),
		"for something else":     replace("uses  = 5", "uses  = 5\nfor = \"vpn\""),
		"one use of a recovery":  replace("uses  = 2", "uses  = 1"),
		"a second officer there": replace("uses  = 2", "uses  = 2\nsecond_officer = true"),
		"a situation twice":      replace(`"app_deleted"`, `"phone_lost"`),
		"a situation for nobody": replace(`passcode = "short"`, `passcode = "recovery"`),
		"nobody's situation": func(s string) string {
			i := strings.Index(s, "[[situation]]")
			return s[:i] + s[strings.Index(s[i+1:], "[[situation]]")+i+1:]
		},
		"a misspelt limit":        replace("officer = 60", "oficer = 60"),
		"no limit of a person":    replace("person  = 3", "person  = 0"),
		"no evidence is enough":   replace("passcode = true", "passcode = false"),
		"limits without passcode": func(s string) string { return cut(s, "# \"Types of", "[passcode_limits]") },
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

func cut(s, from, to string) string {
	return s[:strings.Index(s, from)] + s[strings.Index(s, to):]
}

// Each deviation of a profile is listed, and a stricter profile has fewer.
func TestDeviations(t *testing.T) {
	count := func(name, section string) (n int) {
		for _, d := range Deviations(mustSite(t, name)) {
			if d.Word == "" || d.Does == "" || d.Says == "" {
				t.Errorf("%s: %+v", name, d)
			}
			if d.Section == section {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		profile, section string
		want             int
	}{
		{"um", "3.1.2.2", 3}, {"um-strict", "3.1.2.2", 2}, {"unimas", "3.1.2.2", 0},
		{"um", "4.2.1.2", 1}, {"um", "4.2", 1}, {"um-strict", "4.2", 0}, {"um", "4.2.2.2", 2},
		{"um", "SP 800-63A-4, 2.5.1", 2}, {"unimas", "4.2.1.4", 0}, {"unimas", "2.2.2", 1},
	} {
		if got := count(c.profile, c.section); got != c.want {
			t.Errorf("%s deviates from section %s in %d places, want %d", c.profile, c.section, got,
				c.want)
		}
	}
}
