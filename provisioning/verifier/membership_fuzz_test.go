package verifier

import (
	"strings"
	"testing"
)

// FuzzGroups: what reads is made of names and patterns that match, and never panics.
func FuzzGroups(f *testing.F) {
	f.Add("students = [\"mc*\", \"Visitor\"]\n", "MC1")
	f.Add("a = [\"[\"]\n", "x")
	f.Fuzz(func(t *testing.T, text, user string) {
		lists, err := parseGroups([]byte(text))
		if err != nil {
			return
		}
		for group, list := range lists {
			for name := range list.names {
				if !list.has(name) || name != strings.ToLower(name) {
					t.Fatalf("group %s does not have its own %q", group, name)
				}
			}
			list.has(strings.ToLower(user))
		}
	})
}

// FuzzAdministrators: each name that is listed is found, whatever stands around it.
func FuzzAdministrators(f *testing.F) {
	f.Add("# them\nroot-op  # on call\n", "dean")
	f.Fuzz(func(t *testing.T, text, name string) {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || strings.ContainsAny(name, "#\n\r") {
			return
		}
		if !parseNames([]byte(name + "\n" + text)).has(strings.ToLower(name)) {
			t.Fatalf("%q is not found", name)
		}
	})
}
