package provisioning

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// FuzzSite: whatever is read as a profile is written and read again as the same one.
func FuzzSite(f *testing.F) {
	for _, name := range Profiles() {
		text, err := profiles.ReadFile("profiles/" + name + ".toml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		site, err := ParseSite(text)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := toml.NewEncoder(&out).Encode(profileOf(site)); err != nil {
			t.Fatalf("a profile that was read cannot be written: %v", err)
		}
		again, err := ParseSite(out.Bytes())
		if err != nil {
			t.Fatalf("a profile that was written cannot be read: %v\n%s", err, out.Bytes())
		}
		same := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
		if diff := cmp.Diff(profileOf(site), profileOf(again), same); diff != "" {
			t.Error(diff)
		}
	})
}

func profileOf(s Site) profile {
	p := profile{ID: s.ID, Name: s.Name, Desk: s.Desk, Zone: s.Location.String(), Strip: s.Strip,
		Terms: s.Terms, Roles: s.Roles, PhoneSeen: s.PhoneSeen, LoanDays: s.LoanDays,
		AdviseDevices: s.AdviseDevices, Digits: s.Digits, Slot: s.Slot, AccessCodes: s.AccessCodes,
		Fee: s.Fee, Evidence: s.Evidence, Hours: s.Hours, Passcode: s.Passcodes,
		Situation: s.Situations, PasscodeLimits: s.PasscodeLimits, MailRequests: s.MailRequests,
		Recovery: s.Recovery, Notices: s.Notices}
	for _, key := range s.Reasons {
		p.Reason = append(p.Reason, struct {
			Key     string
			NoPhone bool `toml:"no_phone"`
		}{key, slices.Contains(s.NoPhone, key)})
	}
	return p
}
