package verifier

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

var (
	// ErrNobody says that nothing is kept of a user.
	ErrNobody = errors.New("nothing is kept of this user")
	// ErrStillHeld says that a user has something from a desk that goes on.
	ErrStillHeld = errors.New("this user still has something from a desk that is not revoked: end " +
		"it and erase them there, or revoke the desk first")
)

// Forgotten is what was left of a user before they were erased.
type Forgotten struct {
	Tokens    int `json:"tokens"`
	Passcodes int `json:"passcodes"`
}

// Erase forgets a user, whichever desks they went to: their desk is revoked or gone, and cannot
// erase them itself. Like an erasure by a desk it leaves ids, under which nothing ever comes again.
func (v *Verifier) Erase(user string) (done Forgotten, err error) {
	err = v.file.Update(func(tx *boltfile.Tx) error {
		done, err = v.eraseUser(tx, user)
		return err
	})
	if err != nil {
		return Forgotten{}, fmt.Errorf("erase a user: %w", err)
	}
	v.rewriteSoon()
	v.sitesChanged()
	return done, nil
}

func (v *Verifier) eraseUser(tx *boltfile.Tx, user string) (done Forgotten, err error) {
	tokens, err := tokensOf(tx, user)
	if err != nil {
		return done, err
	}
	key := v.userKey(user)
	passcodes, err := passcodesOf(tx, key)
	if err != nil {
		return done, err
	}
	done = Forgotten{Tokens: len(tokens), Passcodes: len(passcodes)}
	if done == (Forgotten{}) {
		return done, ErrNobody
	}
	for _, c := range tokens {
		if err := errors.Join(over(tx, c.Desk, c.State == revoked), v.strip(tx, c)); err != nil {
			return done, err
		}
	}
	for id, ref := range passcodes {
		err := errors.Join(over(tx, ref.Desk, ref.Ended), save(tx, passcodeRefTable, []byte(id),
			passcodeRef{Desk: ref.Desk, Ended: true}))
		if err != nil {
			return done, err
		}
	}
	return done, errors.Join(tx.Delete(passcodeTable, key), tx.Delete(saltTable, key),
		save(tx, erasureTable, []byte(rand.Text()), erasureRow{At: v.clock()}))
}

// over refuses what a desk that goes on believes to be in somebody's hands.
func over(tx *boltfile.Tx, desk string, ended bool) error {
	row, followed, err := load[deskRow](tx, deskTable, []byte(desk))
	if err == nil && followed && row.Revoked.IsZero() && !ended {
		return fmt.Errorf("%w (desk %s)", ErrStillHeld, desk)
	}
	return err
}

// tokensOf finds every credential of a user, also those that ended.
func tokensOf(tx *boltfile.Tx, user string) (list []credential, err error) {
	user = strings.ToLower(user)
	return list, each(tx, credentialTable, func(_ string, c credential) error {
		if user != "" && strings.ToLower(c.User) == user {
			list = append(list, c)
		}
		return nil
	})
}

// passcodesOf finds every passcode of a user, also those that ended.
func passcodesOf(tx *boltfile.Tx, user []byte) (map[string]passcodeRef, error) {
	found := map[string]passcodeRef{}
	return found, each(tx, passcodeRefTable, func(id string, ref passcodeRef) error {
		if bytes.Equal(ref.User, user) {
			found[id] = ref
		}
		return nil
	})
}
