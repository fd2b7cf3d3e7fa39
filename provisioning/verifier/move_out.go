package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Mover gives a verifier's whole state out: credentials with their counters and failures, seeds,
// passcodes with their hashes and what those are peppered with, desks with where they were left,
// callers, every record that was taken, and the keys that desks still seal to and let in.
type Mover interface {
	// Backup writes it as it is at one moment, sealed to the escrow key, and goes on.
	Backup(to io.Writer) error

	// MoveOut writes it, sealed to the key of the target's bundle. Before the first byte the verifier
	// is marked as moved, durably, and accepts nothing any more: what was accepted is in the export,
	// and nothing is accepted afterwards. Asking again for the same target writes the same state
	// again. Another target is refused, unless the operator says that it takes over instead because
	// the first one never did.
	MoveOut(target feed.Bundle, instead bool, to io.Writer) error
}

var (
	_ Mover = (*Verifier)(nil)
	_ Mover = (*AdminClient)(nil)
)

// MoveOut implements Mover.
func (v *Verifier) MoveOut(target feed.Bundle, instead bool, to io.Writer) error {
	if _, err := target.Encode(); err != nil {
		return fmt.Errorf("move: %w", err)
	}
	d, err := v.depart(target, instead)
	if err != nil {
		return fmt.Errorf("move: %w", err)
	}
	v.leave.Do(func() { close(v.departed) })
	v.log.Warn("the verifier was moved away", "key", d.Key, "export", d.Export)
	head := moveHead{Version: moveVersion, Export: d.Export, Key: feed.KeyID(v.sealed().Public()),
		Name: v.InForce().Name, At: d.At}
	if err := v.pack(head, target.VerifierKey, to); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// depart marks the verifier as moved. Every write is behind this one or is refused.
func (v *Verifier) depart(target feed.Bundle, instead bool) (d Departure, err error) {
	key := feed.KeyID(target.VerifierKey)
	if key == feed.KeyID(v.sealed().Public()) {
		return Departure{}, errors.New("the bundle is this verifier's own: make the new one first")
	}
	err = v.file.File.Update(func(tx *boltfile.Tx) error {
		_, rebuilding, err := load[Loss](tx, lifeTable, lifeRebuilding)
		if err != nil || rebuilding {
			return errors.Join(err, ErrRebuilding)
		}
		var gone bool
		d, gone, err = load[Departure](tx, lifeTable, lifeMoved)
		switch {
		case err != nil || gone && d.Key == key:
			return err
		case gone && !instead:
			return here(tx)
		case gone:
			d.Instead = append(d.Instead, d.Key)
		}
		d.Export, d.Key, d.Name = randomExport(), key, target.Name
		d.At = v.clock().UTC().Truncate(time.Second)
		return save(tx, lifeTable, lifeMoved, d)
	})
	return d, err
}

// pack writes the state as it is at one moment, for the holder of a sealing key.
func (v *Verifier) pack(head moveHead, public []byte, to io.Writer) error {
	sealed, err := feed.SealParcel(to, public)
	if err != nil {
		return err
	}
	w, err := newMoveWriter(sealed, head)
	if err != nil {
		return err
	}
	if err := v.file.View(func(tx *boltfile.Tx) error { return v.packRows(tx, w) }); err != nil {
		return err
	}
	return errors.Join(w.end(), sealed.Close())
}

func (v *Verifier) packRows(tx *boltfile.Tx, w *moveWriter) error {
	for _, table := range tables() {
		if table == lifeTable || table == heirTable {
			continue
		}
		err := tx.ForEach(table, nil, nil, func(item boltfile.Item) error {
			defer clear(item.Value)
			if item.Erased {
				return nil
			}
			return w.row(table, item.Key, item.Value)
		})
		if err != nil {
			return err
		}
	}
	return v.bequeath(tx, func(name string, value []byte) error {
		return w.row(heirTable, []byte(name), value)
	})
}

// untilMoved does something that ends, in order, when the verifier is moved away.
func (v *Verifier) untilMoved(ctx context.Context, do func(context.Context) error) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- do(inner) }()
	select {
	case err := <-done:
		if errors.Is(err, ErrMoved) {
			return nil
		}
		return err
	case <-v.departed:
		stop()
		<-done
		return nil
	}
}
