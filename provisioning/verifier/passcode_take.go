package verifier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// openPasscode opens and hashes what a desk sent. From here on nobody knows the digits. A record
// that does not open is the desk's fault and answered; an error is our own.
func (s *State) openPasscode(o *opened) (err error) {
	if o.passcode, o.err = s.sealed().OpenPasscode(o.Record); o.err != nil {
		return nil
	}
	o.hashes, err = s.hashCodes(o.passcode.User, o.passcode.Codes)
	o.passcode.Wipe()
	o.passcode.Codes = nil
	return err
}

// takePasscode keeps a passcode, in the place of one of the same type the user had.
func (t taking) takePasscode() error {
	if t.rec.err != nil {
		return t.answer(feed.Unreadable, 0)
	}
	body := t.rec.passcode
	dead, err := t.passcodeIsDead()
	if err != nil {
		return err
	}
	switch {
	case dead:
		return t.refuse(refusal{reason: feed.ReasonOver})
	case t.doubted():
		return t.bury()
	case !t.desk.Bounds.allow(t.groups, body.Site, body.User):
		return t.refuse(refusal{reason: feed.ReasonExcluded})
	case !t.underLimit():
		return t.refuse(refusal{reason: feed.ReasonTooMany})
	}
	set := t.newSet()
	user := t.userKey(body.User)
	row, _, err := loadPasscodes(t.tx, user)
	if err != nil {
		return err
	}
	_, err = row.endSets(t.tx, feed.Replaced, func(old passcodeSet) bool {
		return old.Type == set.Type
	})
	if err != nil {
		return err
	}
	late := !t.now.Before(set.Until)
	ref := passcodeRef{Desk: set.Desk, User: user, Ended: late}
	if err := save(t.tx, passcodeRefTable, []byte(set.ID), ref); err != nil {
		return err
	}
	if late {
		return errors.Join(savePasscodes(t.tx, user, row), t.answer(feed.Expired, 0))
	}
	row.Sets, row.Limit = append(row.Sets, set), limit{}
	t.issued()
	return errors.Join(savePasscodes(t.tx, user, row), t.answer(feed.InStep, 0))
}

// passcodeIsDead: an id is used once, and one that was revoked before it came stays revoked.
func (t taking) passcodeIsDead() (bool, error) {
	_, known, err := loadRef(t.tx, t.rec.Credential)
	if known || err != nil {
		return known, err
	}
	_, known, err = loadCredential(t.tx, t.rec.Credential)
	return known, err
}

func (t taking) newSet() passcodeSet {
	body := t.rec.passcode
	set := passcodeSet{ID: t.rec.Credential, Record: t.rec.ID, Desk: t.desk.Card.Desk,
		User: body.User, Type: body.Type, Purpose: body.Purpose, Unlimited: body.Uses == 0,
		Issued: t.now, Until: t.begins().Add(body.ValidFor)}
	for _, hash := range t.rec.hashes {
		set.Codes = append(set.Codes, passcodeCode{Hash: hash, Left: body.Uses})
	}
	return set
}

// begins is when the time of a passcode begins: when its desk made it, if the desk's clock was
// right and does not run ahead of ours, or else when it came here.
func (t taking) begins() time.Time {
	if t.rec.Synced && !t.rec.At.After(t.now) {
		return t.rec.At
	}
	return t.now
}

// revokePasscode ends a passcode by the order of its own desk, which needs no telling. It says
// whether there is such a passcode.
func (t taking) revokePasscode() (bool, error) {
	ref, known, err := loadRef(t.tx, t.rec.Credential)
	if err != nil || !known {
		return known, err
	}
	if ref.Desk != t.desk.Card.Desk || ref.Ended || t.rec.State != feed.StateRevoked {
		return true, nil
	}
	row, _, err := loadPasscodes(t.tx, ref.User)
	if err != nil {
		return true, err
	}
	_, err = row.endSets(t.tx, "", func(p passcodeSet) bool { return p.ID == t.rec.Credential })
	if err != nil {
		return true, err
	}
	return true, savePasscodes(t.tx, ref.User, row)
}

// Enrolled ends every passcode of a user: a new device is theirs from now on.
func (v *Verifier) Enrolled(user string) error {
	err := v.file.Update(func(tx *boltfile.Tx) error {
		return endPasscodes(tx, v.userKey(user), feed.Voided)
	})
	if err != nil {
		return fmt.Errorf("end the passcodes of a user with a new device: %w", err)
	}
	return nil
}

// sweepEvery is how often passcodes whose time is over are removed. They are refused before that.
const sweepEvery = time.Minute

func (v *Verifier) sweepPasscodes(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := v.sweep(); err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sweep removes the hashes of passcodes that have expired, and tells their desks. It enters the
// single writer only when there are some.
func (v *Verifier) sweep() error {
	now, due := v.clock(), false
	over := func(p passcodeSet) bool { return !now.Before(p.Until) }
	err := v.file.View(func(tx *boltfile.Tx) error {
		return eachPasscodes(tx, func(_ []byte, row passcodeRow) error {
			for _, set := range row.Sets {
				due = due || over(set)
			}
			return nil
		})
	})
	if err == nil && due {
		err = v.file.Update(func(tx *boltfile.Tx) error {
			_, err := endWhere(tx, feed.Expired, over)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("end passcodes that have expired: %w", err)
	}
	return nil
}
