package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning"
)

// request is a bounded question: so many entries, so many seconds, aliases and referrals left where
// they are.
func (l *LDAP) request(
	base string, scope int, filter string, most int, attributes []string,
) *ldap.SearchRequest {
	seconds := max(1, int(l.config.Timeout.Seconds()))
	return ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, most, seconds, false, filter,
		attributes, nil)
}

// wanted are the attributes a person is read from.
func (l *LDAP) wanted() []string {
	return slices.DeleteFunc(l.config.Attributes.all(), func(name string) bool { return name == "" })
}

// anyone is the filter for everybody a key could find; claimants for those whose account name or
// person number it is. What the server finds is compared again here: its matching rules are looser
// than ours.
func (l *LDAP) anyone(k key) string {
	a := l.config.Attributes
	return l.either(k, a.Account, a.ID, a.Card, a.CardUID)
}

func (l *LDAP) claimants(k key) string {
	return l.either(k, l.config.Attributes.Account, l.config.Attributes.ID)
}

func (l *LDAP) either(k key, account string, numbers ...string) string {
	var out strings.Builder
	out.WriteString("(&" + l.config.Filter + "(|")
	term := func(attribute, value string) {
		out.WriteString("(" + attribute + "=" + ldap.EscapeFilter(value) + ")")
	}
	for _, value := range l.spellings(k) {
		term(account, value)
	}
	for _, attribute := range numbers {
		if attribute == "" {
			continue
		}
		for _, value := range distinct(k.typed, k.number, upper(k.number)) {
			term(attribute, value)
		}
	}
	out.WriteString("))")
	return out.String()
}

// spellings are how an account name may be stored: a directory may keep the mail suffix that people
// drop.
func (l *LDAP) spellings(k key) []string {
	values := []string{k.typed, k.account}
	for _, suffix := range l.names.strip {
		if suffix != "" && k.account != "" {
			values = append(values, k.account+suffix)
		}
	}
	return distinct(values...)
}

func distinct(values ...string) []string {
	slices.Sort(values)
	return slices.DeleteFunc(slices.Compact(values), func(v string) bool { return v == "" })
}

// few is how many entries a question for one person may bring before it is ambiguous: servers that
// fold more than we do may bring strangers along.
const few = 8

// search returns the entries a filter finds, at most few of them.
func (l *LDAP) search(
	ctx context.Context, filter string, attributes []string,
) (found []*ldap.Entry, err error) {
	err = l.ask(ctx, func(c *ldap.Conn) error {
		result, err := c.Search(l.request(l.config.Base, ldap.ScopeWholeSubtree, filter, few,
			attributes))
		if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
			err = nil
		}
		if result != nil {
			found = result.Entries
		}
		return err
	})
	return found, err
}

// Find looks a number up. It refuses with one of Codes, or with provisioning.CodePersonUnnamed.
func (l *LDAP) Find(ctx context.Context, number string) (provisioning.Person, error) {
	k, ok := l.names.ask(number)
	if !ok {
		return provisioning.Person{}, provisioning.Refuse(CodeUnknown)
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	entries, err := l.search(ctx, l.anyone(k), l.wanted())
	if err != nil {
		return provisioning.Person{}, err
	}
	var found []Record
	byCard, dn := false, ""
	for _, entry := range entries {
		record, _ := l.record(entry)
		matches, card := l.finds(k, entry, &record)
		if matches {
			found, byCard, dn = append(found, record), card, entry.DN
		}
	}
	switch {
	case len(found) == 0 && len(entries) < few:
		return provisioning.Person{}, provisioning.Refuse(CodeUnknown)
	case len(found) != 1 || len(entries) == few:
		return provisioning.Person{}, provisioning.Refuse(CodeAmbiguous)
	}
	person, err := admit(found[0], byCard, l.parts.Now(), l.parts.Zone)
	if err != nil {
		return provisioning.Person{}, err
	}
	person.Portrait, err = l.portrait(ctx, dn, person.ID)
	return person, err
}

// finds compares a key with all values of an entry: a person may have several cards. The card that
// was asked for becomes the record's.
func (l *LDAP) finds(k key, e *ldap.Entry, r *Record) (found, byCard bool) {
	for _, card := range l.values(e, l.config.Attributes.Card) {
		if k.number != "" && k.number == l.names.number(card) {
			r.Card = card
		}
	}
	for _, uid := range l.values(e, l.config.Attributes.CardUID) {
		if k.number != "" && k.number == l.names.number(uid) {
			r.CardUID = uid
		}
	}
	return l.names.finds(k, *r)
}

// claimant is the one person a claim is about, with their roles, or the zero record.
func (l *LDAP) claimant(ctx context.Context, account string) (Record, []string, string, error) {
	k, ok := l.names.ask(account)
	if !ok {
		// The question is asked all the same, for somebody who does not exist.
		k = key{typed: l.decoy(), account: l.decoy()}
	}
	entries, err := l.search(ctx, l.claimants(k), l.wanted())
	if err != nil {
		return Record{}, nil, "", err
	}
	var record Record
	var roles []string
	dn, count := "", 0
	for _, entry := range entries {
		r, has := l.record(entry)
		if l.names.claims(k, r) {
			record, roles, dn = r, has, entry.DN
			count++
		}
	}
	if count != 1 || len(entries) == few {
		return Record{}, nil, "", nil
	}
	return record, roles, dn, nil
}

// Matches answers a claim.
func (l *LDAP) Matches(
	ctx context.Context, c provisioning.Claim,
) (provisioning.Person, bool, error) {
	record, roles, _, err := l.claimant(ctx, c.Account)
	if err != nil {
		return provisioning.Person{}, false, err
	}
	if !record.answers(c, roles...) {
		return provisioning.Person{}, false, nil
	}
	return record.Person, true, nil
}
