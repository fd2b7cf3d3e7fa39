package provisioning

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// TriesFor is how long a try of somebody nobody sees is remembered.
const TriesFor = 24 * time.Hour

// Tries counts the tries of one account, or from one address, since the first of them. It names
// neither: the key is a hash.
type Tries struct {
	Of    string
	Count int
	Since time.Time
}

// KindTries is the table of tries.
const KindTries Kind = "tries"

// Kind implements Row.
func (Tries) Kind() Kind { return KindTries }

// Key implements Row.
func (t Tries) Key() string { return t.Of }

// Subject implements Row.
func (Tries) Subject() PersonID { return "" }

// Tags implements Row.
func (Tries) Tags() []Tag { return nil }

// Live implements Row: a count of none is forgotten.
func (t Tries) Live() bool { return t.Count > 0 }

// triesOf finds the count of something, afresh when its time is over.
func triesOf(s Snapshot, what, who string, at time.Time) Tries {
	key := triesKey(what, who)
	known, ok := Get[Tries](s, key)
	if !ok || at.Sub(known.Since) >= TriesFor {
		return Tries{Of: key, Since: at}
	}
	return known
}

func triesKey(what, who string) string {
	sum := sha256.Sum256([]byte(what + "\x00" + strings.ToLower(who)))
	return what + "/" + hex.EncodeToString(sum[:16])
}

// TriedAs is by what name the tries at somebody are counted. All names of one person come to one
// count; somebody the directory does not know is counted by what was typed, without the differences
// a directory may overlook.
func TriedAs(person PersonID, typed string) string {
	if person != "" {
		return "person " + string(person)
	}
	bare, _, _ := strings.Cut(typed, "@")
	return strings.Join(strings.FieldsFunc(bare, func(c rune) bool {
		return strings.ContainsRune(" \t\r\n-:", c)
	}), "")
}

// plus is the count after one more.
func (t Tries) plus() Tries {
	t.Count++
	return t
}

// StaleTries lists counts whose time is over, ready to be put away, at most so many.
func StaleTries(s Snapshot, at time.Time, most int) []Row {
	var rows []Row
	for t := range All[Tries](s) {
		if at.Sub(t.Since) >= TriesFor && len(rows) < most {
			t.Count = 0
			rows = append(rows, t)
		}
	}
	return rows
}
