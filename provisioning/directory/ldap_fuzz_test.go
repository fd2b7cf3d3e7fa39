package directory

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// FuzzFilter: whatever is asked for, the filter has the one shape it should have, compares for
// equality and nothing else, and compares with spellings of what was asked for.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"msousa", "*", "*)(uid=*", `\2a`, "\x00", "0412-7781", "m@um.edu.mo",
		"ﬀ", "İ", "\xff"} {
		f.Add(seed)
	}
	c := LDAPConfig{Attributes: Attributes{Card: "card", CardUID: "cardUID"}}.filled()
	l := &LDAP{config: c, names: names{[]string{"@um.edu.mo"}}}
	f.Fuzz(func(t *testing.T, query string) {
		k, ok := l.names.ask(query)
		if !ok {
			return
		}
		packet, err := ldap.CompileFilter(l.anyone(k))
		if err != nil {
			t.Fatalf("%q makes no filter: %v", query, err)
		}
		if packet.Tag != ldap.FilterAnd || len(packet.Children) != 2 ||
			packet.Children[1].Tag != ldap.FilterOr {
			t.Fatalf("%q bends the filter", query)
		}
		for _, term := range packet.Children[1].Children {
			if term.Tag != ldap.FilterEqualityMatch {
				t.Fatalf("a term is not an equality: %d", term.Tag)
			}
			attribute, value := term.Children[0].Data.String(), term.Children[1].Data.String()
			if !strings.Contains("uid employeeNumber card cardUID", attribute) {
				t.Errorf("asks for the attribute %q", attribute)
			}
			if l.names.account(value) != k.account && l.names.number(value) != k.number {
				t.Errorf("asks for %q, which is no spelling of %q", value, k.typed)
			}
		}
	})
}

// FuzzRoster: a list is taken whole or not at all, and names everybody once.
func FuzzRoster(f *testing.F) {
	f.Add("id,name,person,supervisor\nmsousa,SOUSA Maria,E1,no\nkiwong,WONG Ka I,E2,yes\n")
	f.Fuzz(func(t *testing.T, text string) {
		staff, err := parseRoster(strings.NewReader(text))
		if err == nil && len(staff) == 0 {
			t.Error("a list of nobody is taken")
		}
		seen := map[string]bool{}
		for _, o := range staff {
			if o.ID == "" || o.Name == "" || seen[string(o.ID)] {
				t.Errorf("%q is on the list, seen %v", o.ID, seen[string(o.ID)])
			}
			seen[string(o.ID)] = true
		}
	})
}
