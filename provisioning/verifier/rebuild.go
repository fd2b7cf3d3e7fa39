package verifier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// A verifier that was lost is rebuilt from what its desks hold: every sealed body since their first
// day, opened with the escrow key. BeginRebuild makes its successor with new keys; when the desks
// have the new bundle and their cards are trusted, Rebuild takes everything in. What only the lost
// verifier knew is gone: how far each token was used, how often a passcode was, who guessed.

// BeginRebuild makes a verifier in the place of the one a bundle is of, under new keys and with the
// same escrow key. It does not run before Rebuild is done.
func BeginRebuild(p Plan, lost feed.Bundle) (feed.Bundle, error) {
	p.Name, p.EscrowKey = lost.Name, lost.EscrowKey
	bundle, err := Init(p)
	if err != nil {
		return feed.Bundle{}, err
	}
	s, err := Open(p.Dir)
	if err != nil {
		return feed.Bundle{}, err
	}
	err = s.file.Update(func(tx *boltfile.Tx) error {
		return save(tx, lifeTable, lifeRebuilding, Loss{Key: feed.KeyID(lost.VerifierKey),
			Name: lost.Name, Pin: lost.FollowerPin, At: p.Now})
	})
	if err := errors.Join(err, s.Close()); err != nil {
		return feed.Bundle{}, fmt.Errorf("begin a rebuild: %w", err)
	}
	return bundle, nil
}

// Rebuilt is what came from one desk.
type Rebuilt struct {
	Desk string
	// Leaves were followed, and Records were in them.
	Leaves  int64
	Records int
	// Passcodes are dead, and Unreadable bodies were never any use.
	Passcodes, Unreadable int
}

// Rebuild takes in what every trusted desk holds, in the order in which it was made, and ends the
// time in which the verifier does not run. The escrow keys are those of the lost verifiers: the one
// in the bundle, and older ones if there were any. Told hears, by the desk's id, why one does not
// answer yet; it is asked again until ctx is done. A rebuild that was broken off begins anew.
func (v *Verifier) Rebuild(ctx context.Context, escrow []*feed.Opener,
	told func(desk string, err error)) ([]Rebuilt, error) {
	loss, err := v.beginReplay(escrow)
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	r := &replay{Verifier: v, keys: v.sealed().Also(escrow...)}
	defer r.close()
	if err := r.connect(ctx, told); err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	if err := r.finish(loss); err != nil {
		return nil, fmt.Errorf("finish the rebuild: %w", err)
	}
	v.unsure = true
	return r.report(), nil
}

// errNotLost refuses to rebuild what is there.
var errNotLost = errors.New("this verifier was not lost: verifierd rebuild begin makes the one " +
	"that is rebuilt")

// beginReplay checks the keys, and empties what a rebuild that was broken off left behind.
func (v *Verifier) beginReplay(escrow []*feed.Opener) (loss Loss, err error) {
	right := errors.New("an escrow key is needed")
	for _, key := range escrow {
		if right = CheckEscrow(key, v.InForce()); right == nil {
			break
		}
	}
	if right != nil {
		return Loss{}, right
	}
	err = v.file.Update(func(tx *boltfile.Tx) (err error) {
		var rebuilding bool
		if loss, rebuilding, err = load[Loss](tx, lifeTable, lifeRebuilding); err != nil {
			return err
		}
		if !rebuilding {
			return errNotLost
		}
		return emptyTables(tx)
	})
	return loss, err
}

// emptyTables keeps who is trusted and may call, and what this verifier is.
func emptyTables(tx *boltfile.Tx) error {
	for _, table := range tables() {
		switch table {
		case deskTable, callerTable, lifeTable, heirTable:
			continue
		}
		var keys [][]byte
		err := tx.ForEach(table, nil, nil, func(item boltfile.Item) error {
			keys = append(keys, slices.Clone(item.Key))
			return nil
		})
		for _, key := range keys {
			err = errors.Join(err, tx.Delete(table, key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replay is a rebuild under way.
type replay struct {
	*Verifier
	// keys open what was sealed for the lost verifier, and tell what is for this one.
	keys    *feed.Opener
	sources []*source
}

// reconnect is how often a desk that does not answer is asked again.
const reconnect = time.Second

// connect begins with every trusted desk. Nothing is taken in before all of them answer: the order
// of what they did counts.
func (r *replay) connect(ctx context.Context, told func(string, error)) error {
	desks, err := r.desks()
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(desks)) {
		if !desks[id].Revoked.IsZero() {
			continue
		}
		s, err := r.source(desks[id])
		if err != nil {
			return err
		}
		r.sources = append(r.sources, s)
	}
	if len(r.sources) == 0 {
		return errors.New("no desk is trusted: trust the card of each desk first")
	}
	for _, s := range r.sources {
		if err := s.await(ctx, told); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) source(row deskRow) (*source, error) {
	keys, err := row.Card.Verifiers()
	if err != nil {
		return nil, fmt.Errorf("read the log key of desk %s: %w", row.Card.Desk, err)
	}
	row.Tail, row.Checkpoint, row.Issued = nil, nil, nil
	f := &follower{Verifier: r.Verifier, desk: row.Card.Desk, site: row.Card.Site,
		card: row.Card, keys: keys,
		limit: feed.MaxLeaves}
	f.connect()
	return &source{follower: f, keys: r.keys, row: row, Rebuilt: Rebuilt{Desk: row.Card.Desk}}, nil
}

func (r *replay) close() {
	for _, s := range r.sources {
		s.wipe()
		s.wire.close()
	}
}

func (r *replay) report() (list []Rebuilt) {
	for _, s := range r.sources {
		s.Leaves = s.tail.Position()
		list = append(list, s.Rebuilt)
	}
	return list
}

// finish makes the verifier one that runs: where each desk was left, and what is not known of each
// credential.
func (r *replay) finish(loss Loss) error {
	return r.file.Update(func(tx *boltfile.Tx) error {
		for _, s := range r.sources {
			err := uncovered(tx, s.desk, s.tail.Position(), false)
			if err != nil {
				return fmt.Errorf("the log of desk %s: %w", s.desk, err)
			}
			if s.row.Tail, err = s.tail.MarshalBinary(); err != nil {
				return err
			}
			if err := save(tx, deskTable, []byte(s.desk), s.row); err != nil {
				return err
			}
		}
		return errors.Join(doubtAll(tx), tx.Delete(lifeTable, lifeRebuilding),
			save(tx, lifeTable, lifeRebuilt, loss))
	})
}
