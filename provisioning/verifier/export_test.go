package verifier

import (
	"bytes"
	"context"
	"crypto/tls"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// CheapPasscodes makes hashing cost next to nothing, for tests that check thousands.
func CheapPasscodes(c *Config) { c.State.passcodes.memory, c.State.passcodes.passes = 64, 1 }

// Sweep removes what has expired, now and not within a minute.
func (v *Verifier) Sweep() error { return v.sweep() }

// Contents is everything the state holds, opened: every key and every value of every table.
func (s *State) Contents() ([]byte, error) { return s.contents("") }

// Applied is what the records of desks came to: everything but the rows of the desks themselves.
func (s *State) Applied() ([]byte, error) { return s.contents(deskTable) }

func (s *State) contents(but string) ([]byte, error) {
	var all bytes.Buffer
	err := s.file.View(func(tx *boltfile.Tx) error {
		for _, table := range tables() {
			if table == but {
				continue
			}
			err := tx.ForEach(table, nil, nil, func(item boltfile.Item) error {
				all.Write(item.Key)
				all.WriteByte('\n')
				all.Write(item.Value)
				all.WriteByte('\n')
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all.Bytes(), err
}

// HashPasscode is the hash of some digits of a user, as they are stored.
func (s *State) HashPasscode(user, digits string) ([]byte, error) {
	salt, _, err := s.saltOf(user)
	if err != nil {
		return nil, err
	}
	return s.hashPasscode(context.Background(), s.passcodes.attempts, salt, user, []byte(digits))
}

// APIPair is what the API shows to its callers.
func (s *State) APIPair() tls.Certificate { return s.api }

// CaughtUp is when nothing of a desk was left to follow.
func (s *State) CaughtUp(desk string) time.Time {
	row, _ := s.deskRow(desk)
	return row.CaughtUp
}
