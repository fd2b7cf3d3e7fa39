package verifier

import (
	"encoding/json"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

const (
	// passcodeTable holds a blinded user -> passcodeRow, while the user has a passcode.
	passcodeTable = "passcode"
	// passcodeRefTable holds passcode id -> passcodeRef; an ended one stays as a tombstone.
	passcodeRefTable = "passcode.ref"
)

// passcodeRow is all passcodes of one user: one set of each type. Passcodes are looked up here and
// nowhere else: a guess is a guess at one user.
type passcodeRow struct {
	Sets  []passcodeSet `json:"sets"`
	Limit limit         `json:"limit,omitzero"`
}

// passcodeSet is what one record brought: one code, or several for one use each.
type passcodeSet struct {
	ID     string `json:"id"`
	Record string `json:"record"`
	Desk   string `json:"desk"`
	User   string `json:"user"`
	Type   string `json:"type"`
	// Purpose is feed.PurposeEnrol, or empty for any sign-in.
	Purpose   string         `json:"purpose,omitempty"`
	Unlimited bool           `json:"unlimited,omitempty"`
	Codes     []passcodeCode `json:"codes"`
	Issued    time.Time      `json:"issued"`
	// Until is by our own clock.
	Until time.Time `json:"until"`
}

// passcodeCode is one code that can still be used. Left counts its uses, unless there is no limit.
type passcodeCode struct {
	Hash []byte `json:"hash"`
	Left int    `json:"left,omitempty"`
}

// passcodeRef finds a passcode by the id its desk gave it.
type passcodeRef struct {
	Desk string `json:"desk"`
	// User is the blinded one.
	User []byte `json:"user"`
	// Ended is set once it ended, however it did.
	Ended bool `json:"ended,omitempty"`
}

func loadPasscodes(tx *boltfile.Tx, user []byte) (passcodeRow, bool, error) {
	return load[passcodeRow](tx, passcodeTable, user)
}

// savePasscodes keeps a row while there is something in it. The limit goes with the last set:
// nothing is left to guess, and the next passcode begins anew (NIST SP 800-63B-4 section 3.2.2).
func savePasscodes(tx *boltfile.Tx, user []byte, row passcodeRow) error {
	if len(row.Sets) == 0 {
		return tx.Delete(passcodeTable, user)
	}
	return save(tx, passcodeTable, user, row)
}

func loadRef(tx *boltfile.Tx, id string) (passcodeRef, bool, error) {
	return load[passcodeRef](tx, passcodeRefTable, []byte(id))
}

// endSets takes out of a row the sets that end, and tells their desks why; an empty outcome tells
// nobody. The caller saves the row.
func (row *passcodeRow) endSets(tx *boltfile.Tx, why feed.Outcome,
	ends func(passcodeSet) bool) (ended []passcodeSet, err error) {
	var kept []passcodeSet
	for _, set := range row.Sets {
		if !ends(set) {
			kept = append(kept, set)
			continue
		}
		if err := set.end(tx, why); err != nil {
			return nil, err
		}
		ended = append(ended, set)
	}
	row.Sets = kept
	return ended, nil
}

func (p passcodeSet) end(tx *boltfile.Tx, why feed.Outcome) error {
	ref, _, err := loadRef(tx, p.ID)
	if err != nil {
		return err
	}
	ref.Ended = true
	if err := save(tx, passcodeRefTable, []byte(p.ID), ref); err != nil || why == "" {
		return err
	}
	return saveVerdict(tx, p.Desk, feed.Verdict{Record: p.Record, Credential: p.ID, Outcome: why})
}

// endPasscodes ends everything a user has.
func endPasscodes(tx *boltfile.Tx, user []byte, why feed.Outcome) error {
	row, ok, err := loadPasscodes(tx, user)
	if err != nil || !ok {
		return err
	}
	if _, err := row.endSets(tx, why, func(passcodeSet) bool { return true }); err != nil {
		return err
	}
	return savePasscodes(tx, user, row)
}

// eachPasscodes gives every row with its key. The rows must not be changed meanwhile.
func eachPasscodes(tx *boltfile.Tx, do func(user []byte, row passcodeRow) error) error {
	return tx.ForEach(passcodeTable, nil, nil, func(item boltfile.Item) error {
		var row passcodeRow
		if err := json.Unmarshal(item.Value, &row); err != nil {
			return err
		}
		return do(item.Key, row)
	})
}

// endWhere ends the sets of all users for which ends says so.
func endWhere(tx *boltfile.Tx, why feed.Outcome,
	ends func(passcodeSet) bool) (all []passcodeSet, err error) {
	rows := map[string]passcodeRow{}
	err = eachPasscodes(tx, func(user []byte, row passcodeRow) error {
		for _, set := range row.Sets {
			if ends(set) {
				rows[string(user)] = row
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for user, row := range rows {
		ended, err := row.endSets(tx, why, ends)
		if err != nil {
			return nil, err
		}
		if err := savePasscodes(tx, []byte(user), row); err != nil {
			return nil, err
		}
		all = append(all, ended...)
	}
	return all, nil
}
