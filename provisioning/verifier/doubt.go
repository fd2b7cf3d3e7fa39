package verifier

import (
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// anyUnsure looks for a credential whose counter was lost. Only a verifier that was rebuilt, or
// that took over from one, can have any.
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
	return unsure, err
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

// Doubt is for a state that was put back from a copy: OTPs and passcodes may have been used since
// the copy was taken, and the copy does not know. The verifier must not be running.
func (v *Verifier) Doubt() error {
	err := v.file.Update(func(tx *boltfile.Tx) error {
		loss := Loss{Key: feed.KeyID(v.sealed().Public()), Name: v.InForce().Name,
			At: v.clock().Truncate(time.Second)}
		return errors.Join(doubtAll(tx), save(tx, lifeTable, lifeRebuilt, loss))
	})
	if err != nil {
		return fmt.Errorf("doubt every counter: %w", err)
	}
	v.unsure = true
	return nil
}
