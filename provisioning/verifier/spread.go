package verifier

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// The waits before a desk that does not hold the bundle in force is tried again.
const (
	firstSpread   = 250 * time.Millisecond
	longestSpread = 30 * time.Second
)

// spreadBundle takes the bundle in force to every desk that does not hold it, over connections of
// its own, and goes on with the renewals that wait for that.
func (v *Verifier) spreadBundle(ctx context.Context) error {
	pause := firstSpread
	for {
		if err := v.spreadOnce(ctx); err != nil {
			return err
		}
		select {
		case <-v.spread:
			pause = firstSpread
		case <-time.After(pause):
			pause = min(2*pause, longestSpread)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// spreadOnce tells every desk, all at once: one that does not answer keeps no other waiting long.
func (v *Verifier) spreadOnce(ctx context.Context) error {
	desks, err := v.desks()
	if err != nil {
		return err
	}
	bundle := v.InForce()
	var group sync.WaitGroup
	failed := make(chan error, len(desks))
	for id, row := range desks {
		if !row.Revoked.IsZero() || row.Holds == bundle.Fingerprint() || row.Alarm.What != "" {
			continue
		}
		group.Go(func() {
			if err := v.tell(ctx, row.Card, bundle); errors.Is(err, boltfile.ErrCommit) {
				failed <- err
			} else if err != nil {
				v.log.Info("a desk does not hold the bundle in force yet", "desk", id, "err", err)
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	return v.advance()
}

// tell has one desk take a bundle. A desk that knows only a verifier this one took over from lets
// in that one's certificate.
func (v *Verifier) tell(ctx context.Context, card feed.DeskCard, bundle feed.Bundle) (err error) {
	for n := range 1 + len(v.former) {
		err = v.tellAs(ctx, n, card, bundle)
		if err == nil || errors.Is(err, boltfile.ErrCommit) {
			return err
		}
	}
	return err
}

// tellAs has one desk take a bundle, if it does not hold it already, and remembers that it does.
func (v *Verifier) tellAs(ctx context.Context, n int, card feed.DeskCard, bundle feed.Bundle) error {
	w := newWire(card, func() *tls.Certificate { return v.face(n) }, v.dial)
	defer w.close()
	held, err := w.bundle(ctx)
	if err != nil {
		return err
	}
	if held.Held != bundle.Fingerprint() {
		order, err := v.sealed().Prove(held, bundle)
		if err != nil {
			return err
		}
		if held, err = w.orderBundle(ctx, order); err != nil {
			return err
		}
		if held.Held != bundle.Fingerprint() {
			return errors.New("the desk took another bundle than the one it was sent")
		}
	}
	return v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(card.Desk))
		if err != nil || !ok {
			return err
		}
		row.Holds, row.HoldsFrom, row.HoldsSince = held.Held, held.Position, v.clock()
		return save(tx, deskTable, []byte(card.Desk), row)
	})
}

// behind lists the desks that do not hold the bundle in force. A revoked desk counts for nothing.
func (v *Verifier) behind() ([]string, error) {
	desks, err := v.desks()
	if err != nil {
		return nil, err
	}
	bundle := v.InForce().Fingerprint()
	var list []string
	for id, row := range desks {
		if row.Revoked.IsZero() && row.Holds != bundle {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list, nil
}
