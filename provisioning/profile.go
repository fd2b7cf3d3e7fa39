package provisioning

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	// The appliance may have no zone files.
	_ "time/tzdata"

	"github.com/BurntSushi/toml"
)

//go:embed profiles/*.toml
var profiles embed.FS

// Profiles lists the names LoadSite knows.
func Profiles() []string {
	files, _ := fs.Glob(profiles, "profiles/*.toml")
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(file, "profiles/"), ".toml"))
	}
	return names
}

// LoadSite reads an embedded profile.
func LoadSite(name string) (Site, error) {
	if !slices.Contains(Profiles(), name) {
		return Site{}, fmt.Errorf("site profile %q: there is %s", name,
			strings.Join(Profiles(), ", "))
	}
	text, err := profiles.ReadFile("profiles/" + name + ".toml")
	if err != nil {
		return Site{}, fmt.Errorf("read site profile: %w", err)
	}
	return ParseSite(text)
}

// profile is the file's form of a Site.
type profile struct {
	ID, Name, Desk, Zone, Strip, Terms string
	Roles                              []string
	PhoneSeen                          bool `toml:"phone_seen"`
	LoanDays                           int  `toml:"loan_days"`
	AdviseDevices                      int  `toml:"advise_devices"`
	Digits, Slot                       int
	AccessCodes                        bool `toml:"access_codes"`
	Fee                                Money
	Reason                             []struct {
		Key     string
		NoPhone bool `toml:"no_phone"`
	}
	Evidence       []EvidenceRule
	Hours          []Hours
	Passcode       []PasscodeTerms
	Situation      []Situation
	PasscodeLimits PasscodeLimits `toml:"passcode_limits"`
	MailRequests   bool           `toml:"mail_requests"`
	Recovery       RecoveryLimits
	Notices        []NoticeChannel
}

// ParseSite reads a profile strictly: an unknown key is an error, so that a misspelt rule is not a
// rule that silently does not hold.
func ParseSite(text []byte) (Site, error) {
	var p profile
	meta, err := toml.Decode(string(text), &p)
	if err != nil {
		return Site{}, fmt.Errorf("site profile: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Site{}, fmt.Errorf("site profile: unknown key %s", unknown[0].String())
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil || p.Zone == "" {
		return Site{}, fmt.Errorf("site profile: zone %q is not known", p.Zone)
	}
	site := Site{
		ID: p.ID, Name: p.Name, Desk: p.Desk, Location: zone, Roles: p.Roles,
		Evidence: p.Evidence, PhoneSeen: p.PhoneSeen, Terms: p.Terms, Fee: p.Fee,
		LoanDays: p.LoanDays, AdviseDevices: p.AdviseDevices, Digits: p.Digits, Slot: p.Slot,
		AccessCodes: p.AccessCodes, Hours: p.Hours, Strip: p.Strip,
		Passcodes: p.Passcode, Situations: p.Situation, PasscodeLimits: p.PasscodeLimits,
		MailRequests: p.MailRequests, Recovery: p.Recovery,
		Notices: p.Notices,
	}
	for _, reason := range p.Reason {
		site.Reasons = append(site.Reasons, reason.Key)
		if reason.NoPhone {
			site.NoPhone = append(site.NoPhone, reason.Key)
		}
	}
	return site, site.Check()
}

// Check says what a profile lacks.
func (s Site) Check() error {
	known := []Evidence{EvidenceUniversityCard, EvidenceIdentityCard, EvidencePassport,
		EvidenceSupervisor}
	for _, rule := range s.Evidence {
		if !slices.Contains(known, rule.Kind) {
			return fmt.Errorf("site profile: evidence %q is not known", rule.Kind)
		}
	}
	for _, channel := range s.Notices {
		if !slices.Contains(AllNoticeChannels(), channel) {
			return fmt.Errorf("site profile: notices by %q are not known", channel)
		}
	}
	switch {
	case s.ID == "" || s.ID != strings.ToLower(s.ID) || s.Name == "" || s.Desk == "":
		return errors.New("site profile: id (lower case), name and desk are needed")
	case len(s.Roles) == 0 || len(s.Reasons) == 0 || len(s.Evidence) == 0:
		return errors.New("site profile: nobody could borrow: roles, reasons and evidence are needed")
	case s.Terms == "":
		return errors.New("site profile: the version of the loan terms is needed")
	case s.Digits != 6 && s.Digits != 8:
		return errors.New("site profile: digits is 6 or 8")
	case s.Slot != 1 && s.Slot != 2:
		return errors.New("site profile: slot is 1 or 2")
	case s.LoanDays < 1 || s.Fee.Minor < 0 || s.AdviseDevices < 0:
		return errors.New("site profile: loan_days is at least 1, no number is negative")
	}
	return s.checkPasscodes()
}
