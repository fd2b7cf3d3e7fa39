package directory

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// column is one column of the file: how a record fills it and is filled from it.
type column struct {
	name string
	get  func(*Record) string
	set  func(*Record, string) error
}

// columns are the header of the file, in the order Write uses. Read takes them in any order and
// refuses a column it does not know: a misspelt one would silently empty a field.
var columns = []column{
	text("id", func(r *Record) *string { return (*string)(&r.ID) }),
	text("site", func(r *Record) *string { return &r.Site }),
	text("name", func(r *Record) *string { return &r.Name }),
	text("native", func(r *Record) *string { return &r.Native }),
	text("native_lang", func(r *Record) *string { return &r.NativeLang }),
	text("role", func(r *Record) *string { return &r.Role }),
	text("unit", func(r *Record) *string { return &r.Unit }),
	text("account", func(r *Record) *string { return &r.Account }),
	text("card", func(r *Record) *string { return &r.Card }),
	date("card_until", func(r *Record) *time.Time { return &r.CardUntil }),
	text("card_replaced_by", func(r *Record) *string { return &r.CardReplacedBy }),
	text("portrait", func(r *Record) *string { return &r.Portrait }),
	{"devices", devices, setDevices},
	text("card_uid", func(r *Record) *string { return &r.CardUID }),
	checked("phone", func(r *Record) *string { return &r.Phone }, phone, "a number like +85366123456"),
	checked("mail", func(r *Record) *string { return &r.Mail }, mail, "a mail address"),
	checked("lang", func(r *Record) *string { return &r.Lang }, language, "a language like zh-Hant"),
	date("born", func(r *Record) *time.Time { return &r.Born }),
	text("identity_card", func(r *Record) *string { return &r.IdentityCard }),
	text("passport", func(r *Record) *string { return &r.Passport }),
	checked("password", func(r *Record) *string { return &r.PasswordHash }, hashed,
		"an argon2id hash in PHC form"),
	{"status", status, setStatus},
	date("since", func(r *Record) *time.Time { return &r.Since }),
}

func text(name string, at func(*Record) *string) column {
	return column{name, func(r *Record) string { return *at(r) },
		func(r *Record, s string) error { *at(r) = s; return nil }}
}

// checked is a text with one way to write it; tidy returns "" for what it does not take.
func checked(name string, at func(*Record) *string, tidy func(string) string, like string) column {
	return column{name, func(r *Record) string { return *at(r) }, func(r *Record, s string) error {
		*at(r) = tidy(s)
		if s != "" && *at(r) == "" {
			return errors.New(name + " is not " + like)
		}
		return nil
	}}
}

func date(name string, at func(*Record) *time.Time) column {
	return column{name, func(r *Record) string {
		if at(r).IsZero() {
			return ""
		}
		return at(r).Format(day)
	}, func(r *Record, s string) (err error) {
		if s == "" {
			return nil
		}
		if *at(r), err = time.Parse(day, s); err != nil {
			return errors.New(name + " is not a date like 2027-08-31")
		}
		return nil
	}}
}

// maxDevices is more second factors than anybody has.
const maxDevices = 99

func devices(r *Record) string { return strconv.Itoa(r.Devices) }

func setDevices(r *Record, s string) error {
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxDevices {
		return errors.New("devices is not a count")
	}
	r.Devices = n
	return nil
}

const left = "left"

func status(r *Record) string {
	if r.Left {
		return left
	}
	return ""
}

func setStatus(r *Record, s string) error {
	if s != "" && s != "active" && s != left {
		return errors.New("status is active or left")
	}
	r.Left = s == left
	return nil
}

var (
	phoneForm = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	mailForm  = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}$`)
	langForm  = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$`)
)

// phone returns a number in E.164 form, or nothing.
func phone(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -().", r) {
			return -1
		}
		return r
	}, s)
	return matching(phoneForm, s)
}

// mail returns an address that can stand in a header and a command, or nothing.
func mail(s string) string { return matching(mailForm, s) }

// traditional are the regions that write Chinese in its traditional form.
var traditional = map[string]bool{"zh-tw": true, "zh-hk": true, "zh-mo": true}

// language returns the first tag of a list of preferences (RFC 2798 2.7), or nothing.
func language(s string) string {
	s, _, _ = strings.Cut(s, ",")
	s, _, _ = strings.Cut(s, ";")
	s = strings.TrimSpace(s)
	if traditional[lower(s)] {
		return "zh-Hant"
	}
	return matching(langForm, s)
}

func matching(form *regexp.Regexp, s string) string {
	if form.MatchString(s) {
		return s
	}
	return ""
}
