package verifier

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
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
	arrival, err := s.unpack(from, now)
	if err := errors.Join(err, s.Close()); err != nil {
		return Arrival{}, fmt.Errorf("take an export into %s: %w", dir, err)
	}
	return arrival, nil
}

func (s *State) unpack(from io.Reader, now time.Time) (arrival Arrival, err error) {
	opened, err := s.opener.OpenParcel(from)
	if err != nil {
		return Arrival{}, err
	}
	reader, head, err := newMoveReader(opened)
	if err != nil {
		return Arrival{}, err
	}
	arrival = Arrival{Export: head.Export, Key: head.Key, Name: head.Name,
		At: now.UTC().Truncate(time.Second), Rows: map[string]int{}}
	return arrival, s.file.Update(func(tx *boltfile.Tx) error {
		if err := empty(tx); err != nil {
			return err
		}
		err := reader.each(func(table string, key, value []byte) error {
			if table == lifeTable || !slices.Contains(tables(), table) {
				return fmt.Errorf("the export has a table %q, which this version does not know", table)
			}
			arrival.Rows[table]++
			return tx.Put(table, key, value)
		})
		if err != nil {
			return err
		}
		return save(tx, lifeTable, lifeArrived, arrival)
	})
}

// empty refuses a state in which there is anything.
func empty(tx *boltfile.Tx) error {
	for _, table := range tables() {
		last, err := tx.Last(table)
		if err != nil {
			return err
		}
		if last != nil {
			return ErrNotEmpty
		}
	}
	return nil
}
