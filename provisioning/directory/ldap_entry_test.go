package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning"
)

func reader(t *testing.T, edit func(*LDAPConfig)) *LDAP {
	t.Helper()
	macau, err := time.LoadLocation("Asia/Macau")
	if err != nil {
		t.Fatal(err)
	}
	c := LDAPConfig{}.filled()
	edit(&c)
	return &LDAP{config: c, names: names{[]string{"@um.edu.mo"}}, parts: LDAPParts{Zone: macau}}
}

func TestDates(t *testing.T) {
	l := reader(t, func(*LDAPConfig) {})
	for text, want := range map[string]string{
		"2027-08-31": "2027-08-31", "20270831": "2027-08-31", "20270831040000Z": "2027-08-31",
		"20270830160000Z": "2027-08-31", "20270830160000.0Z": "2027-08-31",
		"202708301600Z": "2027-08-31", "20270831000000+0800": "2027-08-31",
		"31/8/2027": "", "20271331": "", "": "", "0": "",
	} {
		got, ok := l.date(text)
		if ok != (want != "") || ok && got.Format(day) != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}

func TestEntriesAreReadWithCare(t *testing.T) {
	l := reader(t, func(c *LDAPConfig) {
		c.PhonePrefix = "+853"
		c.Attributes.Phone, c.Attributes.Mail, c.Attributes.Lang = "mobile", "mail", "lang"
		c.Attributes.Role, c.Attributes.CardUntil, c.Attributes.Status = "type", "until", "status"
		c.Active = []string{"512", "66048"}
		c.Roles = []RoleValue{{"faculty", "staff"}, {"student", "student"}}
	})
	entry := map[string][]string{"employeeNumber": {"E1"}, "uid": {"MSousa@um.edu.mo"},
		"cn": {strings.Repeat("x", 300), "a\x00b", "\xff", " SOUSA Maria "}, "mobile": {"6612 3456"},
		"mail": {"m@um.edu.mo\nBcc: x@y"}, "lang": {"zh-HK, en;q=0.5"}, "until": {"never"},
		"type": {"Student", "Faculty", "alum"}, "status": {"512"}}
	r, roles := l.record(ldap.NewEntry("cn=x", entry))
	if r.Account != "MSousa" || r.Name != "SOUSA Maria" || r.Phone != "+85366123456" ||
		r.Mail != "" || r.Lang != "zh-Hant" || r.Role != "staff" || len(roles) != 2 || r.Left {
		t.Errorf("%q %q %q %q %q %v %v", r.Account, r.Name, r.Phone, r.Mail, r.Lang, roles, r.Left)
	}
	if !provisioning.CardExpired(r.CardUntil, time.Now(), time.UTC) {
		t.Error("a card with an unreadable date counts as good")
	}
	entry["status"], entry["uid"] = nil, []string{"a", "b"}
	if r, _ := l.record(ldap.NewEntry("cn=x", entry)); !r.Left || r.Account != "" {
		t.Errorf("no status: left %v; two accounts: %q", r.Left, r.Account)
	}
}

func TestPicturesAreWhatTheirFirstBytesSay(t *testing.T) {
	for data, want := range map[string]string{"\xff\xd8\xff\xe0": "image/jpeg",
		"\x89PNG\r\n\x1a\n": "image/png", "RIFF\x01\x02\x03\x04WEBPVP8": "image/webp",
		"<svg xmlns='x'/>": "", "<html>": "", "": ""} {
		if got := picture([]byte(data)); got != want {
			t.Errorf("%q is %q", data, got)
		}
	}
}
