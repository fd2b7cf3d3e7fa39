package verifier

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// A backup knows what the desks do not: the bounds and revocations of an operator, who may call,
// how far each counter was on that day. What was used since is not in it, so all that it holds, and
// all that the desks issued until then, is doubted when it is put back.

// Backup implements Mover.
func (v *Verifier) Backup(to io.Writer) error {
	if err := v.mayRun(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	head := moveHead{Version: moveVersion, Export: randomExport(),
		Key: feed.KeyID(v.sealed().Public()), Name: v.InForce().Name,
		At: v.clock().UTC().Truncate(time.Second)}
	if err := v.pack(head, v.InForce().EscrowKey, to); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

// ErrForged says that a backup was not made by the verifier that was lost.
var ErrForged = errors.New("the backup is not by the verifier that was lost: the key of the " +
	"certificate that its bundle names is not in it")

// Restore puts a backup into a verifier that BeginRebuild made: what the escrow key opens and the
// lost verifier wrote. Anybody can seal a backup, but the key the lost one pulled with is in its
// own alone; compared says that the operator compared the hash of the backup instead. Every
// counter in it is doubted, and the feeds are followed from where the backup left them.
func Restore(dir string, from io.Reader, escrow *feed.Opener, compared bool,
	now time.Time) (Arrival, error) {
	s, err := Open(dir)
	if err != nil {
		return Arrival{}, err
	}
	arrival, err := s.restore(from, escrow, compared, now)
	if err := errors.Join(err, s.Close()); err != nil {
		return Arrival{}, fmt.Errorf("put a backup into %s: %w", dir, err)
	}
	return arrival, nil
}

func (s *State) restore(from io.Reader, escrow *feed.Opener, compared bool,
	now time.Time) (Arrival, error) {
	if err := CheckEscrow(escrow, s.InForce()); err != nil {
		return Arrival{}, err
	}
	var loss Loss
	return s.unpack(escrow, from, now, unpacking{
		before: func(tx *boltfile.Tx) (err error) {
			var rebuilding bool
			if loss, rebuilding, err = load[Loss](tx, lifeTable, lifeRebuilding); err != nil {
				return err
			}
			if !rebuilding {
				return errNotLost
			}
			return emptyBut(tx, lifeTable)
		},
		after: func(tx *boltfile.Tx, _ Arrival) error {
			if err := madeBy(tx, loss.Pin); err != nil && !compared {
				return err
			}
			return errors.Join(putBack(tx, loss), tx.Delete(lifeTable, lifeRebuilding))
		}})
}

// madeBy looks for the key and the certificate of a pin among what came.
func madeBy(tx *boltfile.Tx, pin string) error {
	text, err := tx.Get(heirTable, []byte(heirFollower+pin))
	if errors.Is(err, boltfile.ErrAbsent) {
		return ErrForged
	}
	if err != nil {
		return err
	}
	defer clear(text)
	// The two halves are held against each other.
	if cert, err := certificateOf(text); err != nil || feed.Pin(cert.Leaf) != pin {
		return ErrForged
	}
	return nil
}
