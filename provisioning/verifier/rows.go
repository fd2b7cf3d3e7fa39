package verifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// The tables. Every value is sealed by boltfile; keys that would name a person or a token are
// blinded, because keys are stored in the clear.
const (
	// deskTable holds desk id -> deskRow.
	deskTable = "desk"
	// callerTable holds certificate pin -> Caller.
	callerTable = "caller"
	// credentialTable holds credential id -> credential; a revoked one stays as a tombstone.
	credentialTable = "credential"
	// seedTable holds credential id -> the bare seed. It is removed by the tombstone.
	seedTable = "seed"
	// seedTagTable holds a blinded seed -> nothing: a seed is taken once, whoever sends it.
	seedTagTable = "seed.tag"
	// userTable and tokenTable hold a blinded name -> the id of the one live credential.
	userTable  = "user"
	tokenTable = "token"
	// recordTable holds record id -> recordRow: a record is taken once.
	recordTable = "record"
	// verdictTable holds desk id, zero, record id -> feed.Verdict, until an ack carried it. The end of
	// a passcode has a key of its own beside the answer to its record.
	verdictTable = "verdict"
	// ghostTable holds the attempts at users who have no token, so that they cost the same.
	ghostTable = "ghost"
)

func tables() []string {
	return []string{deskTable, callerTable, credentialTable, seedTable, seedTagTable, userTable,
		tokenTable, recordTable, verdictTable, ghostTable, passcodeTable, passcodeRefTable,
		saltTable, lifeTable, heirTable, siteTable, siteTokenTable, siteRevTable, erasureTable,
		hiddenTable, earlyTable}
}

// deskRow is a desk we follow.
type deskRow struct {
	Card   feed.DeskCard `json:"card"`
	Bounds Bounds        `json:"bounds"`
	// Tail is a feed.Tail; empty before the first page.
	Tail []byte `json:"tail,omitempty"`
	// Checkpoint is the newest signed one: evidence, should the desk ever tell another story.
	Checkpoint []byte `json:"checkpoint,omitempty"`
	// Issued are the Unix times that the last activations were counted at, no more than Bounds allows
	// in an hour, oldest first. CaughtUp is when nothing of its log was left to follow.
	Issued   []int64   `json:"issued,omitempty"`
	CaughtUp time.Time `json:"caught_up,omitzero"`
	Alarm    Alarm     `json:"alarm,omitzero"`
	// Cleared is the last alarm that an operator ended.
	Cleared Cleared `json:"cleared,omitzero"`
	// Revoked is when an operator revoked the desk.
	Revoked time.Time `json:"revoked,omitzero"`
	deskKeys
	// Restore is the newest restore that was accepted, Former the feeds that others took the place of.
	Restore *restoration `json:"restore,omitempty"`
	Former  []former     `json:"former,omitempty"`
	// Followed is the run that was followed last, Strangers are those whose log did not fit, and Back
	// is when the followed one answered again beside them.
	Followed  feed.Instance   `json:"followed,omitzero"`
	Strangers []feed.Instance `json:"strangers,omitempty"`
	Back      time.Time       `json:"back,omitzero"`
	// Doubt is how many leaves the desk had when it was met after the state was put back: what came
	// in them may have been used at the verifier that was lost. It is unmet until then, and 0 when all
	// of them are followed.
	Doubt int64 `json:"doubt,omitempty"`
}

// state is where a credential is.
type state string

const (
	// waiting: its seed is here and no proof was in step yet.
	waiting   state = "waiting"
	active    state = "active"
	suspended state = "suspended"
	revoked   state = "revoked"
)

// credential is one secret generation; the secret itself is in the seed table.
type credential struct {
	ID     string `json:"id"`
	Desk   string `json:"desk"`
	User   string `json:"user,omitempty"`
	Site   string `json:"site,omitempty"`
	Vendor string `json:"vendor,omitempty"`
	Serial string `json:"serial,omitempty"`
	Digits int    `json:"digits,omitempty"`
	State  state  `json:"state"`
	// Next is the lowest counter that may still be accepted. It only rises.
	Next uint64 `json:"next"`
	// Issued is when its proof was in step; zero before.
	Issued time.Time `json:"issued,omitzero"`
	// Held says that an operator suspended it: its desk cannot resume it.
	Held bool `json:"held,omitempty"`
	// Ordered is what another desk of the site last ordered about it.
	Ordered ordered `json:"ordered,omitzero"`
	// Unsure says that its counter was lost with a former verifier, and Next is only the lowest it
	// may be: two OTPs in a row find it anew, and nothing less is accepted.
	Unsure bool  `json:"unsure,omitempty"`
	Limit  limit `json:"limit,omitzero"`
	Far    far   `json:"far,omitzero"`
}

// live says whether a user or a token is taken by it.
func (c credential) live() bool { return c.State == active || c.State == suspended }

// recordRow remembers a record that was taken.
type recordRow struct {
	Desk string `json:"desk"`
	// Feed it came in; empty in a row that an older version wrote.
	Feed       string    `json:"feed,omitempty"`
	Position   int64     `json:"position"`
	Kind       feed.Kind `json:"kind"`
	Credential string    `json:"credential"`
	Hash       []byte    `json:"hash"`
}

// load reads one row; ok is false when there is none.
func load[T any](tx *boltfile.Tx, table string, key []byte) (row T, ok bool, err error) {
	value, err := tx.Get(table, key)
	switch {
	case errors.Is(err, boltfile.ErrAbsent):
		return row, false, nil
	case err != nil:
		return row, false, err
	}
	if err := json.Unmarshal(value, &row); err != nil {
		return row, false, fmt.Errorf("read a row of %s: %w", table, err)
	}
	return row, true, nil
}

// save writes one row whole.
func save(tx *boltfile.Tx, table string, key []byte, row any) error {
	value, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("encode a row of %s: %w", table, err)
	}
	return tx.Put(table, key, value)
}

// each gives every row of a table in key order.
func each[T any](tx *boltfile.Tx, table string, do func(key string, row T) error) error {
	return tx.ForEach(table, nil, nil, func(item boltfile.Item) error {
		var row T
		if err := json.Unmarshal(item.Value, &row); err != nil {
			return fmt.Errorf("read a row of %s: %w", table, err)
		}
		return do(string(item.Key), row)
	})
}

// userKey finds a user. Sign-in names are compared without regard to case, as both universities do.
func (s *State) userKey(user string) []byte { return s.file.Blind("user", strings.ToLower(user)) }

func (s *State) tokenKey(vendor, serial string) []byte {
	return s.file.Blind("token", vendor, serial)
}

func loadCredential(tx *boltfile.Tx, id string) (credential, bool, error) {
	return load[credential](tx, credentialTable, []byte(id))
}

func saveCredential(tx *boltfile.Tx, c credential) error {
	return save(tx, credentialTable, []byte(c.ID), c)
}

// index returns the live credential a user or token key points to.
func index(tx *boltfile.Tx, table string, key []byte) (credential, bool, error) {
	id, err := tx.Get(table, key)
	switch {
	case errors.Is(err, boltfile.ErrAbsent):
		return credential{}, false, nil
	case err != nil:
		return credential{}, false, err
	}
	c, ok, err := loadCredential(tx, string(id))
	return c, ok && c.live(), err
}
