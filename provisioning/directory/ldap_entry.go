package directory

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning"
)

// maxText bounds one value, in bytes. What is longer, or is not clean text, counts as missing.
const maxText = 256

// values are the usable values of an attribute.
func (l *LDAP) values(e *ldap.Entry, attribute string) []string {
	if attribute == "" {
		return nil
	}
	var out []string
	for _, value := range e.GetEqualFoldAttributeValues(attribute) {
		value = strings.TrimSpace(value)
		if value != "" && len(value) <= maxText && clean(value) {
			out = append(out, value)
		}
	}
	return out
}

// first is one value of an attribute: which of several is the server's to say.
func (l *LDAP) first(e *ldap.Entry, attribute string) string {
	if values := l.values(e, attribute); len(values) > 0 {
		return values[0]
	}
	return ""
}

// single is the value of an attribute that must not have two: nobody's credential is bound to
// whichever of two accounts a server happens to name first.
func (l *LDAP) single(e *ldap.Entry, attribute string) string {
	if len(e.GetEqualFoldAttributeValues(attribute)) != 1 {
		return ""
	}
	return l.first(e, attribute)
}

// record is the person an entry describes, and all their roles.
func (l *LDAP) record(e *ldap.Entry) (Record, []string) {
	a := l.config.Attributes
	roles := l.roles(l.values(e, a.Role))
	r := Record{
		Person: provisioning.Person{
			ID: provisioning.PersonID(l.single(e, a.ID)), Site: l.parts.Site,
			Name: l.first(e, a.Name), Native: l.first(e, a.Native), Unit: l.first(e, a.Unit),
			Account: l.names.bare(l.single(e, a.Account)), Card: l.first(e, a.Card),
			CardReplacedBy: l.first(e, a.CardReplacedBy), Lang: language(l.first(e, a.Lang)),
			Mail: mail(l.first(e, a.Mail)), Phone: l.phone(l.first(e, a.Phone)),
		},
		CardUID: l.first(e, a.CardUID), IdentityCard: l.first(e, a.IdentityCard),
		Passport: l.first(e, a.Passport),
	}
	if r.Native != "" {
		r.NativeLang = l.config.NativeLang
	}
	if len(roles) > 0 {
		r.Role = roles[0]
	}
	if n, err := strconv.Atoi(l.first(e, a.Devices)); err == nil {
		r.Devices = min(max(n, 0), maxDevices)
	}
	r.Born, _ = l.date(l.first(e, a.Born))
	r.Left = !l.active(e)
	r.Since, _ = l.date(l.first(e, a.Since))
	if until := l.first(e, a.CardUntil); until != "" {
		var readable bool
		if r.CardUntil, readable = l.date(until); !readable {
			// Nobody can tell how long this card is good: it is not.
			r.CardUntil = time.Unix(0, 0).UTC()
		}
	}
	return r, roles
}

// bare is an account name as it is stored, without a mail suffix.
func (n names) bare(account string) string {
	return account[:len(n.account(account))]
}

func (l *LDAP) active(e *ldap.Entry) bool {
	if l.config.Attributes.Status == "" {
		return true
	}
	return slices.ContainsFunc(l.values(e, l.config.Attributes.Status), func(value string) bool {
		return slices.ContainsFunc(l.config.Active, func(active string) bool {
			return lower(active) == lower(value)
		})
	})
}

// roles translates values, in the order of the configuration.
func (l *LDAP) roles(values []string) []string {
	if len(l.config.Roles) == 0 {
		return values
	}
	var out []string
	for _, r := range l.config.Roles {
		for _, value := range values {
			if lower(r.Value) == lower(value) && !slices.Contains(out, r.Role) {
				out = append(out, r.Role)
			}
		}
	}
	return out
}

func (l *LDAP) phone(s string) string {
	if s == "" || strings.HasPrefix(s, "+") {
		return phone(s)
	}
	return phone(l.config.PhonePrefix + s)
}

// dates are the ways directories write a day: ISO 8601, its compact form (schacDateOfBirth), and
// GeneralizedTime (RFC 4517 3.3.13), which is a moment: the day is the one it is at the site.
var dates = []struct {
	layout string
	moment bool
}{
	{day, false}, {"20060102", false}, {"20060102150405Z0700", true},
	{"200601021504Z0700", true}, {"2006010215Z0700", true},
}

func (l *LDAP) date(s string) (time.Time, bool) {
	for _, form := range dates {
		t, err := time.Parse(form.layout, s)
		if err != nil {
			continue
		}
		if form.moment {
			year, month, d := t.In(l.parts.Zone).Date()
			t = time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
		}
		return t, true
	}
	return time.Time{}, false
}
