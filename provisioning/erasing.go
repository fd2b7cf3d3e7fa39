package provisioning

import (
	"maps"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Erasing is what a change erases besides what it writes: the key of a person, and with it every
// row, entry and record that was ever sealed for them.
type Erasing struct {
	Person PersonID
	// Traces must be as of the position the change is decided at: what came later would stay.
	Traces Traces
	// Forget are rows under the desk's own key that are about the person all the same. They leave
	// memory, and their archived forms go with the person's key.
	Forget []Row
}

// Traces are what a ledger's file holds of a person, besides the rows in memory.
type Traces struct {
	// Position is the length of the log that was looked through.
	Position int64
	// Mark names the person's key: the opaque id of the erasure.
	Mark string
	// Records are those published about them.
	Records []feed.Erased
	// Published is the position after the newest of them.
	Published int64
	// Strays are values under the desk's own key that mention them.
	Strays []Place
}

// Place is where a value lies in a ledger's file.
type Place struct{ Table, Key string }

// Erase returns the change with something to erase.
func (c Change) Erase(e Erasing) Change {
	c.erasing = &e
	return c
}

// Erasing is what the change erases, if anything.
func (c Change) Erasing() (Erasing, bool) {
	if c.erasing == nil {
		return Erasing{}, false
	}
	return *c.erasing, true
}

// Erasure is the memory that somebody was erased, and of nothing about them.
type Erasure struct {
	// ID is the mark of the key that is gone.
	ID string
	At time.Time
	// Position is the leaf with the erasure, for the verifier: see Verifier.Holds.
	Position int64
	// Compacted is when the file was written anew without what was erased; zero means not yet.
	Compacted time.Time
	// Refused is when the verifier refused it: the desk was revoked. An operator erases there.
	Refused time.Time
}

// KindErasure is the table of erasures.
const KindErasure Kind = "erasure"

// Kind implements Row.
func (Erasure) Kind() Kind { return KindErasure }

// Key implements Row.
func (e Erasure) Key() string { return e.ID }

// Subject implements Row.
func (Erasure) Subject() PersonID { return "" }

// Tags implements Row.
func (Erasure) Tags() []Tag { return nil }

// Live implements Row.
func (Erasure) Live() bool { return true }

// judgeErasure takes the verifier's refusal of an erasure, once.
func (d *draft) judgeErasure(verdict feed.Verdict) bool {
	e, ok := read[Erasure](d, verdict.Credential)
	if !ok || !e.Refused.IsZero() || verdict.Outcome != feed.Refused {
		return false
	}
	e.Refused = d.now.At
	d.put(e)
	return true
}

// Without is the count of a day without what one person was given.
func (i Issuance) Without(id PersonID) Issuance {
	i.Persons = maps.Clone(i.Persons)
	delete(i.Persons, i.hash(id))
	return i
}

// TriesOf are the counts that a person may have been tried under, whether there are any or not.
func TriesOf(p Person) []Tries {
	var list []Tries
	for _, what := range []string{"recovery-account", "request"} {
		for _, who := range []string{TriedAs(p.ID, ""), TriedAs("", string(p.ID)),
			TriedAs("", p.Account)} {
			list = append(list, Tries{Of: triesKey(what, who)})
		}
	}
	return list
}
