package provisioning

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"time"
)

// Issuance counts the passcodes of one day at this desk. There is one row; the first passcode of
// another day begins it anew. It names nobody: a person is a hash that means something on that day
// only.
type Issuance struct {
	// Day is in the site's own time, "2026-11-25".
	Day      string
	Total    int
	Officers map[OfficerID]int
	Persons  map[string]int
}

// Kind implements Row.
func (Issuance) Kind() Kind { return KindIssuance }

// Key implements Row: there is one.
func (Issuance) Key() string { return "issuance" }

// Subject implements Row.
func (Issuance) Subject() PersonID { return "" }

// Tags implements Row.
func (Issuance) Tags() []Tag { return nil }

// Live implements Row.
func (Issuance) Live() bool { return true }

// IssuedOn is what was issued on the day of a moment.
func IssuedOn(s Snapshot, site Site, at time.Time) Issuance {
	day := at.In(site.zone()).Format(time.DateOnly)
	if known, ok := Get[Issuance](s, Issuance{}.Key()); ok && known.Day == day {
		return known
	}
	return Issuance{Day: day}
}

// Of counts what a person was given.
func (i Issuance) Of(id PersonID) int { return i.Persons[i.hash(id)] }

func (i Issuance) hash(id PersonID) string {
	sum := sha256.Sum256([]byte("issuance " + i.Day + " " + string(id)))
	return hex.EncodeToString(sum[:8])
}

// plus is the count after one more. The row it came from is not touched: rows are values.
func (i Issuance) plus(person PersonID, by OfficerID) Issuance {
	i.Officers, i.Persons = maps.Clone(i.Officers), maps.Clone(i.Persons)
	if i.Officers == nil {
		i.Officers = map[OfficerID]int{}
	}
	if i.Persons == nil {
		i.Persons = map[string]int{}
	}
	i.Total++
	i.Persons[i.hash(person)]++
	if by != "" {
		i.Officers[by]++
	}
	return i
}
