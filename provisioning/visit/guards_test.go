package visit

import (
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
)

// TestGuards: at most two generations are tried on a slot, each once, those of the row first.
func TestGuards(t *testing.T) {
	for _, c := range []struct {
		name               string
		row, previous, now int
		want               []int
	}{
		{"written under the current one", 2, 0, 2, []int{2, 1}},
		{"written before the secret was renewed", 1, 0, 2, []int{1, 2}},
		{"a write under the current one was cut short", 2, 1, 2, []int{2, 1}},
		{"two renewals ago", 1, 0, 3, []int{1, 3}},
		{"never seen here, first generation", 0, 0, 1, []int{1}},
		{"never seen here", 0, 0, 3, []int{3, 2}},
		{"the site has no codes", 0, 0, 0, nil},
		{"the site had codes", 1, 0, 0, []int{1}},
	} {
		r := &Runner{codes: &accessCodes{generation: c.now}, site: provisioning.Site{AccessCodes: true}}
		got := r.guards(provisioning.Token{Generation: c.row, Previous: c.previous})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if codes := r.openers(provisioning.Token{}); len(codes) == 0 || len(codes) > 2 {
			t.Errorf("%s: %d codes", c.name, len(codes))
		}
	}
}
