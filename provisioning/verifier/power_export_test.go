//go:build crash

package verifier

import (
	"context"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Unfinished is the file that stands while Init is at work.
const Unfinished = fileUnfinished

// StateFile is the one Init makes last.
const StateFile = fileState

// Held is what a state holds, for the power rig.
type Held struct {
	// Positions are how far each desk was followed, Records how many of its records were taken.
	Positions map[string]int64
	Records   int
	// Credentials are by id.
	Credentials map[string]HeldCredential
}

// HeldCredential is what counts of a credential.
type HeldCredential struct {
	State    string
	Next     uint64
	Failures int
}

// Held opens and looks at everything.
func (s *State) Held(ctx context.Context) (Held, error) {
	h := Held{Positions: map[string]int64{}, Credentials: map[string]HeldCredential{}}
	if _, err := s.file.Check(ctx); err != nil {
		return h, err
	}
	err := s.file.View(func(tx *boltfile.Tx) error {
		err := each(tx, deskTable, func(id string, row deskRow) error {
			var tail feed.Tail
			if len(row.Tail) > 0 {
				if err := tail.UnmarshalBinary(row.Tail); err != nil {
					return err
				}
			}
			h.Positions[id] = tail.Position()
			return nil
		})
		if err != nil {
			return err
		}
		err = each(tx, recordTable, func(string, recordRow) error { h.Records++; return nil })
		if err != nil {
			return err
		}
		return each(tx, credentialTable, func(id string, c credential) error {
			h.Credentials[id] = HeldCredential{string(c.State), c.Next, c.Limit.Failures}
			return nil
		})
	})
	return h, err
}

// VerifyAlone goes the way of Verify in a verifier that does not run.
func (v *Verifier) VerifyAlone(user string, typed secret.OTP) (bool, error) {
	look := func() (*attempt, error) { return v.look(user, typed) }
	if isPasscode(typed) {
		look = func() (*attempt, error) { return v.lookPasscode(context.Background(), user, typed, "") }
	}
	a, err := look()
	if err != nil {
		return false, err
	}
	if err := v.decide([]*attempt{a}); err != nil {
		return false, err
	}
	return a.accepted, a.err
}
