// Package feed is the contract between a desk and the verifier that follows it: records, pages,
// acknowledgements, the Merkle leaf they hash into, how secrets inside them are sealed, and what
// the verifier tells a desk besides: of other desks, of itself, and what it remembers.
//
// It refuses to know HTTP, storage and the rules that make a record. Version 1 of the wire is:
//
//	GET  /sync/v1/meta                      Meta
//	GET  /sync/v1/records?after=&limit=     Page, with "Prefer: wait=30" as a long poll
//	POST /sync/v1/acks                      Ack
//	GET  /sync/v1/bundle                    BundleState
//	PUT  /sync/v1/bundle                    BundleOrder, answered with a BundleState
//	PUT  /sync/v1/site                      SiteIndex, answered with a SiteAnswer
//	POST /sync/v1/halt                      Halt: a desk must stop, or may go on
//	PUT  /sync/v1/rows                      Rows: what a restored desk is told it issued
//
// A position is a count of leaves: one leaf is one commit of the desk (RFC 6962 section 2 trees, as
// golang.org/x/mod/sumdb/tlog keeps them). A follower that holds position n has seen leaves 0..n-1.
package feed

import (
	"time"
)

// Version is the contract this package speaks. Both ends accept one version more or less.
const Version = 1

// Kind says what a record carries.
type Kind string

// The kinds of contract v1, with KindPasscode, KindOrder and KindErase. A follower that does not
// know a kind passes it over and answers nothing.
const (
	// KindSeed carries a sealed SeedBody: a credential the desk is about to write. It opens nothing
	// until a proof follows.
	KindSeed Kind = "seed"
	// KindProof carries a sealed ProofBody: what the token itself typed.
	KindProof Kind = "proof"
	// KindState moves a credential: State says where to. StateRevoked is its tombstone.
	KindState Kind = "state"
)

// State is what a KindState record orders.
type State string

// The states a desk may order.
const (
	StateSuspended State = "suspended"
	StateResumed   State = "resumed"
	StateRevoked   State = "revoked"
)

// Record is one message to the verifier. Everything but Sealed is readable on the wire and is bound
// to Sealed as associated data: immutable facts only, no name and no serial number.
type Record struct {
	// ID is 16 random bytes in hex and never repeats.
	ID string `json:"id"`
	// Desk is the id of the desk that made it.
	Desk string `json:"desk"`
	Kind Kind   `json:"kind"`
	// Credential is the id of the credential it is about, 16 random bytes in hex.
	Credential string `json:"credential"`
	// State is set in a KindState record only.
	State State `json:"state,omitempty"`
	// At is when the desk made it, UTC, whole milliseconds; Synced says whether its clock was right.
	At     time.Time `json:"at"`
	Synced bool      `json:"synced"`
	// Sealed is the body of every kind but KindState: see Sealer, and KindErase for the one body that
	// is not sealed.
	Sealed []byte `json:"sealed,omitempty"`
	// Erased is the hash of a record whose person was erased, and then all there is of it: see
	// KindErase.
	Erased []byte `json:"erased,omitempty"`
}

// Leaf is one commit of the desk as the verifier sees it.
type Leaf struct {
	// Commitment is the salted hash of the entry, 32 bytes. It tells the verifier nothing and binds
	// the desk to what it wrote.
	Commitment []byte `json:"commitment"`
	// Records the commit published; most commits publish none.
	Records []Record `json:"records,omitempty"`
}

// Page is one answer of GET records: the leaves at positions After, After+1, ...
type Page struct {
	Feed  string `json:"feed"`
	After int64  `json:"after"`
	// Leaves may be empty when the long poll ended without news.
	Leaves []Leaf `json:"leaves"`
	// Checkpoint is a signed note over the tree of exactly After+len(Leaves) leaves.
	Checkpoint []byte `json:"checkpoint"`
	// Head is the desk's tree size when it answered: more is waiting if it exceeds the page.
	Head int64 `json:"head"`
	// Keys is the announcement in force, a signed note: see Keys.
	Keys []byte `json:"keys,omitempty"`
}

// Meta describes a feed.
type Meta struct {
	Version int    `json:"version"`
	Desk    string `json:"desk"`
	Site    string `json:"site"`
	// Feed is made anew whenever the store is: a position of another feed means nothing.
	Feed  string `json:"feed"`
	Head  int64  `json:"head"`
	Acked int64  `json:"acked"`
	// LogKey is the note verifier key of the checkpoints.
	LogKey string    `json:"log_key"`
	Clock  time.Time `json:"clock"`
	Synced bool      `json:"synced"`
	// Instance is the run of the program that answers; Halted says that it was told to stop.
	Instance Instance `json:"instance,omitzero"`
	Halted   bool     `json:"halted,omitempty"`
}

// Outcome is the verifier's judgement of one proof.
type Outcome string

// The outcomes of a proof. Only InStep makes a credential active.
const (
	// InStep: the typed OTP is the one the sealed seed gives at the expected counter, or at one the
	// desk's own touches explain (offset within the ten the desk keeps).
	InStep Outcome = "in_step"
	// OffBy: the OTP was found, beyond what the desk expected.
	OffBy Outcome = "off_by"
	// NoMatch: the seed and the OTP do not belong together.
	NoMatch Outcome = "no_match"
	// Unreadable: the record could not be opened or understood.
	Unreadable Outcome = "unreadable"
	// Refused: the verifier does not let this desk do this (for example a second token for a person).
	Refused Outcome = "refused"
)

// Verdict answers one proof or passcode record, or one seed record that could not be used; later it
// may tell on the record of a passcode how that ended.
type Verdict struct {
	Record     string  `json:"record"`
	Credential string  `json:"credential"`
	Outcome    Outcome `json:"outcome"`
	// Offset counts how far beyond the first expected counter the OTP was found.
	Offset int `json:"offset,omitempty"`
	// Reason is why it was refused; Desk is the other desk the reason speaks of.
	Reason Reason `json:"reason,omitempty"`
	Desk   string `json:"desk,omitempty"`
}

// Ack tells the desk what the verifier holds durably. Verdicts are repeated until an Ack carrying
// them was answered with success; the desk takes each once.
type Ack struct {
	Feed     string    `json:"feed"`
	Position int64     `json:"position"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	// Keys is the serial of the newest announcement the verifier took: see Keys.
	Keys int64 `json:"keys,omitempty"`
}
