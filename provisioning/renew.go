package provisioning

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// HeldBundle is the verifier's bundle that reached this desk while it ran. There is one row, or
// none while the installed file is still the newest.
type HeldBundle struct {
	// Text is the bundle's encoding. It is public.
	Text string
	// Over is the fingerprint of the installed file it came after. Another file there means that an
	// operator replaced it since, and that one counts.
	Over  string
	Since time.Time
	// Dropped says that the file counts again.
	Dropped bool
}

// KindBundle is the table of bundles.
const KindBundle Kind = "bundle"

// Kind implements Row.
func (HeldBundle) Kind() Kind { return KindBundle }

// Key implements Row: there is one.
func (HeldBundle) Key() string { return "bundle" }

// Subject implements Row.
func (HeldBundle) Subject() PersonID { return "" }

// Tags implements Row.
func (HeldBundle) Tags() []Tag { return nil }

// Live implements Row.
func (b HeldBundle) Live() bool { return !b.Dropped }

// The refusals of renewing keys. An operator reads them at a terminal, and nobody on the screen.
const (
	// CodeGenerationUsed: slots of tokens are guarded under the generation; params generation, count
	// and serials.
	CodeGenerationUsed Code = "generation_used"
	// CodeGenerationCurrent: the newest generation is not retired; param generation.
	CodeGenerationCurrent Code = "generation_current"
	// CodeKeyOrder: the key is not the one that is renewed.
	CodeKeyOrder Code = "key_order"
	// CodeKeyNotTaken: the verifier does not know the next key yet.
	CodeKeyNotTaken Code = "key_not_taken"
)

// RenewCodes lists them.
func RenewCodes() []Code {
	return []Code{CodeGenerationUsed, CodeGenerationCurrent, CodeKeyOrder, CodeKeyNotTaken}
}

// Renewal is an act on one of the desk's keys, as it goes on record. It names keys by their public
// ids.
type Renewal struct {
	By  string
	Act Act
	// What is renewed: "feed", "log", "desk", "site-secret", "bundle".
	What string
	// Detail are further facts: the id of the key, the serial of the announcement.
	Detail map[string]string
}

// The acts of a renewal, in their order.
const (
	ActKeyAnnounce Act = "key.announce"
	ActKeySwitch   Act = "key.switch"
	ActKeyRetire   Act = "key.retire"
	ActBundleTake  Act = "bundle.take"
)

// Renew puts a renewal on record, with the rows it changes.
func Renew(now Now, r Renewal, rows ...Row) Change {
	detail := map[string]string{"what": r.What}
	for name, value := range r.Detail {
		detail[name] = value
	}
	return NewChange(Entry{At: now.At, Synced: now.Synced, Desk: now.Desk, Actor: r.By, Act: r.Act,
		Rule: "key.renew", Outcome: "done", Detail: detail}).Put(rows...)
}

// RetireGeneration decides that a generation of the site secret is given up: no token may carry it,
// and the newest stays.
func RetireGeneration(s Snapshot, now Now, r Renewal, generation, newest int) (Change, error) {
	number := strconv.Itoa(generation)
	if generation >= newest {
		return Change{}, Refuse(CodeGenerationCurrent, "generation", number)
	}
	if serials := Guarded(s, generation); len(serials) > 0 {
		return Change{}, Refuse(CodeGenerationUsed, "generation", number,
			"count", strconv.Itoa(len(serials)), "serials", strings.Join(serials, ", "))
	}
	r.Detail = map[string]string{"generation": number}
	return Renew(now, r), nil
}

// Guarded lists the serials of the tokens that a generation of the site secret may still guard a
// slot of: the one set last, or the one before, which a write that was cut short may have left.
func Guarded(s Snapshot, generation int) []string {
	var serials []string
	for t := range All[Token](s) {
		if t.Generation == generation || t.Previous == generation {
			serials = append(serials, t.Serial)
		}
	}
	for key := range All[OfficerKey](s) {
		if key.Generation == generation && key.State != KeyDropped {
			serials = append(serials, SerialOf(key.Token))
		}
	}
	slices.Sort(serials)
	return slices.Compact(serials)
}
