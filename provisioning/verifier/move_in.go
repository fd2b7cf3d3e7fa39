package verifier

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// ErrNotEmpty says that a verifier holds something already.
var ErrNotEmpty = errors.New("an export is taken into a new verifier only, once: this one holds " +
	"something already")

// MoveIn takes over the state that another verifier gave out for this one: all of it or nothing. It
// goes into a verifier that was just made. Whoever calls it has compared the hash of the export:
// anybody can seal one.
func MoveIn(dir string, from io.Reader, now time.Time) (Arrival, error) {
	s, err := Open(dir)
	if err != nil {
		return Arrival{}, err
	}
	arrival, err := s.unpack(s.sealed(), from, now, unpacking{before: empty,
		after: func(tx *boltfile.Tx, a Arrival) error {
			return save(tx, lifeTable, lifeArrived, a)
		}})
	if err := errors.Join(err, s.Close()); err != nil {
		return Arrival{}, fmt.Errorf("take an export into %s: %w", dir, err)
	}
	return arrival, nil
}

// unpacking is what is done in the same commit as the rows: before refuses a state they must not go
// into, after says what they are.
type unpacking struct {
	before func(*boltfile.Tx) error
	after  func(*boltfile.Tx, Arrival) error
}

func (s *State) unpack(key *feed.Opener, from io.Reader, now time.Time,
	do unpacking) (arrival Arrival, err error) {
	opened, err := key.OpenParcel(from)
	if err != nil {
		return Arrival{}, err
	}
	reader, head, err := newMoveReader(opened)
	if err != nil {
		return Arrival{}, err
	}
	arrival = Arrival{Export: head.Export, Key: head.Key, Name: head.Name,
		At: now.UTC().Truncate(time.Second), Rows: map[string]int{}}
	err = s.file.Update(func(tx *boltfile.Tx) error {
		if err := do.before(tx); err != nil {
			return err
		}
		err := reader.each(func(table string, key, value []byte) error {
			if table == lifeTable || !slices.Contains(tables(), table) {
				return fmt.Errorf("there is a table %q in it, which this version does not know", table)
			}
			arrival.Rows[table]++
			return tx.Put(table, key, value)
		})
		if err != nil {
			return err
		}
		return do.after(tx, arrival)
	})
	return arrival, err
}

// empty refuses a state in which there is anything.
func empty(tx *boltfile.Tx) error { return emptyBut(tx, "") }

func emptyBut(tx *boltfile.Tx, but string) error {
	for _, table := range tables() {
		last, err := tx.Last(table)
		if err != nil {
			return err
		}
		if last != nil && table != but {
			return ErrNotEmpty
		}
	}
	return nil
}
