package verifier

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// unmet is the doubt of a desk that did not answer yet.
const unmet = math.MaxInt64

// anyUnsure looks for a credential whose counter was lost, or a desk of which one may come. Only a
// verifier that was rebuilt, or that took over from one, can have any.
func anyUnsure(tx *boltfile.Tx) (unsure bool, err error) {
	_, rebuilt, rerr := load[Loss](tx, lifeTable, lifeRebuilt)
	_, arrived, aerr := load[Arrival](tx, lifeTable, lifeArrived)
	if err := errors.Join(rerr, aerr); err != nil || !rebuilt && !arrived {
		return false, err
	}
	err = each(tx, credentialTable, func(_ string, c credential) error {
		unsure = unsure || c.Unsure
		return nil
	})
	derr := each(tx, deskTable, func(_ string, row deskRow) error {
		unsure = unsure || row.Doubt > 0 && row.Revoked.IsZero()
		return nil
	})
	return unsure, errors.Join(err, derr)
}

// reach is how far an OTP is looked for. It is the same for every user, so that the time taken does
// not tell whose counter was lost, or who has no token. It shrinks with the first start after
// the last of them signed in.
func (s *State) reach() int {
	if s.unsure {
		return unsureWindow
	}
	return resyncWindow
}

// reach is how far two OTPs in a row are looked for in a proof.
func (c credential) reach() int {
	if c.Unsure {
		return unsureWindow
	}
	return resyncWindow
}

// doubtAll has every credential that may sign in prove itself by two OTPs in a row first, and ends
// every passcode: nobody knows how often it was used.
func doubtAll(tx *boltfile.Tx) error {
	var all []credential
	err := each(tx, credentialTable, func(_ string, c credential) error {
		if c.live() {
			all = append(all, c)
		}
		return nil
	})
	for _, c := range all {
		c.Unsure, c.Far = true, far{}
		err = errors.Join(err, saveCredential(tx, c))
	}
	_, perr := endWhere(tx, feed.Rebuilt, func(passcodeSet) bool { return true })
	return errors.Join(err, perr)
}

// putBack is done to a state that is older than what happened: all that it holds is doubted, and
// what the desks did until they are met. What they were told of their sites since it does not know.
func putBack(tx *boltfile.Tx, loss Loss) error {
	desks := map[string]deskRow{}
	err := each(tx, deskTable, func(id string, row deskRow) error {
		row.Doubt = unmet
		desks[id] = row
		return nil
	})
	for id, row := range desks {
		err = errors.Join(err, save(tx, deskTable, []byte(id), row))
	}
	loss.Copy = true
	return errors.Join(err, doubtAll(tx), renameSites(tx), save(tx, lifeTable, lifeRebuilt, loss))
}

// doubts notes how far a desk has come that is met for the first time after the state was put back.
// A feed that begins anew may have been followed by the verifier that was lost, too.
func (f *follower) doubts(tail feed.Tail, head int64) error {
	if f.row.Doubt != unmet && len(f.row.Tail) > 0 {
		return nil
	}
	return f.file.Update(func(tx *boltfile.Tx) error {
		loss, _, err := load[Loss](tx, lifeTable, lifeRebuilt)
		row, _, rerr := load[deskRow](tx, deskTable, []byte(f.desk))
		if err := errors.Join(err, rerr); err != nil {
			return err
		}
		anew := len(row.Tail) == 0 && (row.Doubt > 0 || loss.Copy)
		if row.Doubt != unmet && !anew {
			return nil
		}
		row.Doubt = head
		row.follow(tail)
		return save(tx, deskTable, []byte(f.desk), row)
	})
}

// follow ends the doubt when all of it is followed.
func (d *deskRow) follow(tail feed.Tail) {
	if tail.Position() >= d.Doubt {
		d.Doubt = 0
	}
}

// doubted says whether the record may have been taken by a verifier that was lost.
func (t taking) doubted() bool { return t.rec.position < t.desk.Doubt }

// Doubt is for a state that was put back from a copy: OTPs and passcodes may have been used since
// the copy was taken, and the copy does not know. The verifier must not be running.
func (v *Verifier) Doubt() error {
	err := v.file.Update(func(tx *boltfile.Tx) error {
		loss := Loss{Key: feed.KeyID(v.sealed().Public()), Name: v.InForce().Name,
			At: v.clock().Truncate(time.Second)}
		return putBack(tx, loss)
	})
	if err != nil {
		return fmt.Errorf("doubt every counter: %w", err)
	}
	v.unsure = true
	return nil
}
