package directorytest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Source is a directory of people.
type Source interface {
	Find(ctx context.Context, number string) (provisioning.Person, error)
	Portrait(ctx context.Context, name string) (data []byte, mediaType string, err error)
	Matches(ctx context.Context, c provisioning.Claim) (provisioning.Person, bool, error)
	Authenticate(ctx context.Context, account string, password secret.Password) (bool, error)
	Staff(ctx context.Context) ([]provisioning.Officer, error)
}

var (
	_ Source = (*directory.File)(nil)
	_ Source = (*directory.LDAP)(nil)
)

// Suite checks what every directory must do. The source holds exactly the people of Sample, strips
// Suffix and takes Now for the time.
func Suite(t *testing.T, source Source) {
	people := Sample()
	t.Run("finds", func(t *testing.T) { finds(t, source) })
	t.Run("describes", func(t *testing.T) { describes(t, source, people) })
	t.Run("matches", func(t *testing.T) { matches(t, source) })
	t.Run("authenticates", func(t *testing.T) { authenticates(t, source, people) })
	t.Run("hostile", func(t *testing.T) { hostile(t, source, people) })
	t.Run("staff", func(t *testing.T) {
		got, err := source.Staff(t.Context())
		slices.SortFunc(got, func(a, b provisioning.Officer) int {
			return strings.Compare(string(b.ID), string(a.ID))
		})
		if diff := cmp.Diff(Staff(people), got); diff != "" || err != nil {
			t.Errorf("staff: %v\n%s", err, diff)
		}
	})
}

func finds(t *testing.T, source Source) {
	for _, test := range []struct {
		number string
		id     provisioning.PersonID
		code   provisioning.Code
	}{
		{"DC126543", "DC126543", ""}, {" dc 126543 ", "DC126543", ""}, {"dc126543", "DC126543", ""},
		{"04127781", "DC126543", ""}, {"0412-7781", "DC126543", ""}, {"0412 7781\n", "DC126543", ""},
		{"04A1B2C3D4E5F6", "DC126543", ""}, {"04:a1:b2:c3:d4:e5:f6", "DC126543", ""},
		{"dc126543@um.edu.mo", "DC126543", ""}, {"DC126543@UM.EDU.MO", "DC126543", ""},
		{"msousa", "E1004402", ""}, {"MSousa", "E1004402", ""}, {"ki-wong", "E1004519", ""},
		{"E1004519", "E1004519", ""}, {"nokafor", "V9900321", ""},
		{"04314402", "", directory.CodeCardExpired}, {"0431 4402", "", directory.CodeCardExpired},
		{"04319001", "", directory.CodeCardReplaced},
		{"smlei", "", directory.CodeLeft}, {"04319999", "", directory.CodeLeft},
		{"999", "", directory.CodeUnknown}, {"", "", directory.CodeUnknown},
		{"kiwong", "", directory.CodeUnknown}, {"SOUSA Maria", "", directory.CodeUnknown},
		{"1234567(8)", "", directory.CodeUnknown}, {"+85366123456", "", directory.CodeUnknown},
		{"msousa@um.edu.mo@um.edu.mo", "", directory.CodeUnknown},
		{"@um.edu.mo", "", directory.CodeUnknown},
	} {
		got, err := source.Find(t.Context(), test.number)
		if got.ID != test.id || (err == nil) != (test.code == "") ||
			err != nil && !errors.Is(err, provisioning.Refuse(test.code)) {
			t.Errorf("%q: got %q and %v, want %q and %s", test.number, got.ID, err, test.id, test.code)
		}
	}
	var refusal *provisioning.Refusal
	_, err := source.Find(t.Context(), "smlei")
	if !errors.As(err, &refusal) || refusal.Params["since"] != "2026-07-31" {
		t.Errorf("who left, left when: %v", err)
	}
}

// describes: what is found is what was put in, and nothing a claim is compared with.
func describes(t *testing.T, source Source, people []Person) {
	for _, p := range people {
		if p.Left {
			continue
		}
		got, err := source.Find(t.Context(), string(p.ID))
		if err != nil {
			t.Errorf("%s: %v", p.ID, err)
			continue
		}
		name := got.Portrait
		got.Portrait = ""
		if diff := cmp.Diff(p.Person, got); diff != "" {
			t.Errorf("%s:\n%s", p.ID, diff)
		}
		if (name == "") != (p.Photo == nil) {
			t.Errorf("%s has a picture: %v, want %v", p.ID, name != "", p.Photo != nil)
		}
		if name == "" {
			continue
		}
		data, media, err := source.Portrait(t.Context(), name)
		if err != nil || media != "image/jpeg" || !bytes.Equal(data, p.Photo) {
			t.Errorf("the picture of %s: %d bytes, %s, %v", p.ID, len(data), media, err)
		}
	}
	for _, name := range []string{"", "none.jpg", "../people.csv", "photo-", "photo-zz", "photo-2a",
		"photo-" + strings.Repeat("41", 100)} {
		if _, _, err := source.Portrait(t.Context(), name); err == nil {
			t.Errorf("there is a picture called %q", name)
		}
	}
}

type claim = provisioning.Claim

func matches(t *testing.T, source Source) {
	chan1 := claim{Account: "dc126543", Role: "student", Born: date(2004, 2, 29),
		DocumentTail: "5678"}
	sousa := claim{Account: "msousa" + Suffix, Born: date(1980, 12, 1)}
	with := func(c claim, edit func(*claim)) claim {
		edit(&c)
		return c
	}
	for name, test := range map[string]struct {
		claim claim
		id    provisioning.PersonID
	}{
		"all of it":       {chan1, "DC126543"},
		"person number":   {with(chan1, func(c *claim) { c.Account = "DC126543" }), "DC126543"},
		"no role":         {with(chan1, func(c *claim) { c.Role = "" }), "DC126543"},
		"with marks":      {with(chan1, func(c *claim) { c.DocumentTail = "567(8)" }), "DC126543"},
		"birth date only": {sousa, "E1004402"},
		"identity card":   {with(sousa, func(c *claim) { c.DocumentTail = "3210" }), "E1004402"},
		"passport":        {with(sousa, func(c *claim) { c.DocumentTail = "8877" }), "E1004402"},
		"head":            {claim{Account: "E1004402", DocumentHead: "7654"}, "E1004402"},
		"head of seven":   {claim{Account: "E1004519", DocumentHead: "5566"}, "E1004519"},

		"wrong role":      {with(chan1, func(c *claim) { c.Role = "staff" }), ""},
		"wrong birthday":  {with(chan1, func(c *claim) { c.Born = date(2004, 3, 1) }), ""},
		"wrong tail":      {with(chan1, func(c *claim) { c.DocumentTail = "5679" }), ""},
		"tail too short":  {with(chan1, func(c *claim) { c.DocumentTail = "678" }), ""},
		"tail too long":   {with(chan1, func(c *claim) { c.DocumentTail = "45678" }), ""},
		"tail of marks":   {with(chan1, func(c *claim) { c.DocumentTail = "----" }), ""},
		"star":            {with(chan1, func(c *claim) { c.DocumentTail = "*" }), ""},
		"unknown account": {with(chan1, func(c *claim) { c.Account = "nobody" }), ""},
		"another account": {with(chan1, func(c *claim) { c.Account = "msousa" }), ""},
		"no account":      {with(chan1, func(c *claim) { c.Account = "" }), ""},
		"a card":          {with(chan1, func(c *claim) { c.Account = "04127781" }), ""},
		"a card's UID":    {with(chan1, func(c *claim) { c.Account = "04A1B2C3D4E5F6" }), ""},
		"any account":     {with(chan1, func(c *claim) { c.Account = "*" }), ""},
		"nothing known":   {claim{Account: "dc126543", Role: "student"}, ""},
		"head of a passport": {claim{Account: "nokafor",
			DocumentHead: "A012"}, ""},
		"no such column": {claim{Account: "nokafor", Born: date(2000, 1, 1)}, ""},
		"who left":       {claim{Account: "smlei", Born: date(1966, 1, 2)}, ""},
	} {
		got, ok, err := source.Matches(t.Context(), test.claim)
		if err != nil || ok != (test.id != "") || got.ID != test.id {
			t.Errorf("%s: %q, %v, %v", name, got.ID, ok, err)
		}
	}
}

func authenticates(t *testing.T, source Source, people []Person) {
	for name, test := range map[string]struct {
		account, password string
		want              bool
	}{
		"right":           {"dc126543", people[0].Password, true},
		"with suffix":     {"msousa@um.edu.mo", people[1].Password, true},
		"metacharacters":  {"ki-wong", people[2].Password, true},
		"wrong":           {"dc126543", "wrong", false},
		"another's":       {"dc126543", people[1].Password, false},
		"empty":           {"dc126543", "", false},
		"empty, unknown":  {"nobody", "", false},
		"unknown":         {"nobody", people[0].Password, false},
		"any":             {"*", people[0].Password, false},
		"who left":        {"smlei", people[3].Password, false},
		"no password":     {"nokafor", "anything", false},
		"a card":          {"04127781", people[0].Password, false},
		"too long":        {"dc126543", strings.Repeat("x", 10_000), false},
		"not UTF-8":       {"dc126543", "\xff\xfe", false},
		"NUL":             {"dc126543", people[0].Password + "\x00", false},
		"the desk's own":  {ServiceDN, ServicePassword, false},
		"a name for a DN": {"dc126543," + peopleDN, people[0].Password, false},
	} {
		got, err := source.Authenticate(t.Context(), test.account, secret.NewPassword(test.password))
		if got != test.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// hostile: no question finds more than it should, whatever is in it.
func hostile(t *testing.T, source Source, people []Person) {
	law := NewLaw(people)
	for _, q := range Hostile(people) {
		got, err := source.Find(t.Context(), q)
		if id, ok := law.Expect(q); ok {
			if err == nil && got.ID != id {
				t.Errorf("%q finds %s, want %s", q, got.ID, id)
			}
		} else if !errors.Is(err, provisioning.Refuse(directory.CodeUnknown)) {
			t.Errorf("%q finds %q, %v", q, got.ID, err)
		}
		for _, c := range []provisioning.Claim{
			{Account: q, Born: people[0].Born, DocumentTail: "5678"},
			{Account: "msousa", DocumentTail: q}, {Account: "msousa", DocumentHead: q},
			{Account: "dc126543", Born: people[0].Born, Role: q},
		} {
			person, ok, err := source.Matches(t.Context(), c)
			_, known := law.Expect(q)
			if !known && q != "" && (ok || person.ID != "" || err != nil) {
				t.Errorf("a claim of %q matches %s, %v", q, person.ID, err)
			}
		}
	}
}

// Hostile are questions from somebody who means no good.
func Hostile(people []Person) []string {
	list := []string{"*", "**", "(*)", "*)(uid=*", "*)(|(uid=*", ")(objectClass=*)", "(|(uid=*))",
		`\2a`, `\`, `\\`, `\28`, "\x00", "msousa\x00", "\x00msousa", "msousa)(uid=*", "m*", "*sousa",
		"msous?", "msousa,ou=people", "uid=msousa", "uid=msousa," + peopleDN, ServiceDN, "msousa)",
		"(msousa", "&(uid=msousa)", "!(uid=nobody)", "msousa|ki-wong", "msousa;ki-wong", "msousa#",
		"msousa+cn=x", `"msousa"`, "msousa\nki-wong", "ﬀ", "ｍｓｏｕｓａ", "mſouſa", "msousa\u200b",
		"\u202emsousa", "msousa\u0301", "０４１２７７８１", "\xff\xfe", "msousa\xff", "%6dsousa",
		"msousa%00", "' OR '1'='1", "../people.csv", "CN=Administrator", "e1004402 e1004519",
		strings.Repeat("A", 100_000), strings.Repeat("(", 500), strings.Repeat("*", 120),
		"objectClass", "uid", "~=msousa", ">=a", "<=z", ":dn:=um", "ki--wong@", "-", ":", " ", "@"}
	for _, p := range people {
		for _, value := range []string{p.Account, p.Card, p.CardUID, string(p.ID), p.Name,
			p.IdentityCard, p.Passport, p.Password, p.Mail, p.Phone} {
			if value != "" {
				list = append(list, value, value+"*", "*"+value, value[:len(value)-1], value+"\x00",
					value+")", "("+value, value+`\`, value+"#", value+"\u00a0")
			}
		}
	}
	return slices.Compact(list)
}

// Law is who may be found by what: a question finds whoever has a number or account name equal to it,
// once case and the printed separators of numbers and the suffix of accounts are gone, and nobody
// else. It is written apart from what it judges.
type Law struct {
	accounts, numbers map[string]provisioning.PersonID
}

// NewLaw is the law over people.
func NewLaw(people []Person) Law {
	l := Law{map[string]provisioning.PersonID{}, map[string]provisioning.PersonID{}}
	for _, p := range people {
		l.accounts[p.Account] = p.ID
		for _, number := range []string{string(p.ID), p.Card, p.CardUID} {
			if number != "" {
				l.numbers[ascii(number)] = p.ID
			}
		}
	}
	return l
}

// Expect says who a question may find.
func (l Law) Expect(q string) (provisioning.PersonID, bool) {
	q = strings.Trim(q, " \t\r\n")
	if len(q) > 128 {
		return "", false
	}
	account := strings.TrimSuffix(ascii(q), Suffix)
	if id, ok := l.accounts[account]; ok {
		return id, true
	}
	number := strings.NewReplacer(" ", "", "-", "", ":", "", "\t", "").Replace(account)
	id, ok := l.numbers[number]
	return id, ok
}

func ascii(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
