package provisioning

import (
	"iter"
	"testing"
)

// few is a snapshot of some officers.
type few map[string]Officer

func (f few) Get(_ Kind, key string) (Row, bool) {
	o, ok := f[key]
	return o, ok
}
func (few) Find(Kind, Index, string) iter.Seq[Row] { return func(func(Row) bool) {} }
func (few) Position() int64                        { return 0 }

// TestSecondOfficer: somebody who works here, is not the first, and is not the person.
func TestSecondOfficer(t *testing.T) {
	s := few{"lee": {ID: "lee", Person: "p1"}, "wong": {ID: "wong", Person: "p2"},
		"chan": {ID: "chan", Person: "p3"}, "gone": {ID: "gone", Disabled: true}}
	for by, want := range map[OfficerID]Code{
		"wong": "", "": CodeSecondMissing, "nobody": CodeSecondMissing, "gone": CodeSecondMissing,
		"lee": CodeSecondSame, "chan": CodeSecondIsPerson,
	} {
		d := newDecision(s, Site{}, Order{By: "lee"})
		d.visit.Person = "p3"
		var got Code
		if no := d.all(d.second(by)...); no != nil {
			got = no.Code
		}
		if got != want {
			t.Errorf("second %q: %q, want %q", by, got, want)
		}
	}
}
