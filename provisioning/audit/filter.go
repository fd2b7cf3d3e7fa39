package audit

import (
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Filter says which entries somebody wants to see. Empty fields leave nothing out.
type Filter struct {
	Since, Until time.Time
	// Actor is an officer, an operator ("operator:root") or a part of the desk.
	Actor  string
	Person provisioning.PersonID
	// Rule and Act are the beginning of one, for example "loan.".
	Rule, Act string
}

// Takes says whether an entry is wanted.
func (f Filter) Takes(e provisioning.Entry) bool {
	return (f.Since.IsZero() || !e.At.Before(f.Since)) &&
		(f.Until.IsZero() || e.At.Before(f.Until)) &&
		(f.Actor == "" || f.Actor == e.Actor) &&
		(f.Person == "" || f.Person == e.Person) &&
		strings.HasPrefix(e.Rule, f.Rule) && strings.HasPrefix(string(e.Act), f.Act)
}
