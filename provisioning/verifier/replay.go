package verifier

import (
	"context"
	"fmt"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// replayBatch is how many leaves share one commit.
const replayBatch = 100

// turn is one leaf and the desk it is of.
type turn struct {
	from *source
	leaf []opened
}

// run takes in the leaves of all desks in the order in which they were made, as far as the desks'
// clocks tell: a token that was taken back at one desk may have been lent anew by another.
func (r *replay) run(ctx context.Context) error {
	for {
		batch, err := r.batch(ctx)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		err = r.file.Update(func(tx *boltfile.Tx) error { return r.takeAll(tx, batch) })
		for _, t := range batch {
			wipeSeeds(t.leaf)
		}
		if err != nil {
			return err
		}
	}
}

func (r *replay) batch(ctx context.Context) (batch []turn, err error) {
	for len(batch) < replayBatch {
		var first *source
		for _, s := range r.sources {
			if err := s.fill(ctx); err != nil {
				return nil, err
			}
			if len(s.queue) > 0 && (first == nil || s.at.Before(first.at)) {
				first = s
			}
		}
		if first == nil {
			break
		}
		batch = append(batch, turn{first, first.pop()})
	}
	return batch, nil
}

func (r *replay) takeAll(tx *boltfile.Tx, batch []turn) error {
	for _, b := range batch {
		// How many a desk may activate within an hour was asked when it did.
		row := b.from.row
		row.Bounds.PerHour = 0
		row.Doubt = unmet
		for _, rec := range b.leaf {
			t := taking{State: r.State, tx: tx, groups: r.groups, desk: &row, rec: rec, now: rec.At,
				feed: b.from.tail.Feed()}
			if err := t.replay(&b.from.Rebuilt); err != nil {
				return fmt.Errorf("take a %s record of desk %s: %w", rec.Kind, b.from.desk, err)
			}
		}
	}
	return nil
}

// replay is take for a record that a lost verifier has taken already.
func (t taking) replay(count *Rebuilt) error {
	count.Records++
	if t.rec.err != nil {
		count.Unreadable++
	}
	_, seen, err := load[recordRow](t.tx, recordTable, []byte(t.rec.ID))
	switch {
	case err != nil || seen:
		return err
	case t.rec.Desk != t.desk.Card.Desk:
	case t.rec.Kind == feed.KindPasscode:
		count.Passcodes++
		return t.bury()
	case t.rec.Kind == feed.KindProof && t.rec.err == nil:
		c, known, err := loadCredential(t.tx, t.rec.Credential)
		if err != nil {
			return err
		}
		if known && c.live() && c.Desk == t.desk.Card.Desk {
			return t.raise(c)
		}
	}
	return t.take()
}

// remember stores that a record was taken.
func (t taking) remember() error {
	hash := t.rec.Hash()
	return save(t.tx, recordTable, []byte(t.rec.ID), recordRow{Desk: t.desk.Card.Desk,
		Position: t.rec.position, Kind: t.rec.Kind, Credential: t.rec.Credential, Hash: hash[:],
		Feed: t.feed})
}

// bury ends a passcode that was good once. How often it was used nobody knows.
func (t taking) bury() error {
	if err := t.remember(); err != nil {
		return err
	}
	ref := passcodeRef{Desk: t.desk.Card.Desk, Ended: true}
	if err := save(t.tx, passcodeRefTable, []byte(t.rec.Credential), ref); err != nil {
		return err
	}
	return t.answer(feed.Rebuilt, 0)
}

// raise moves a counter to behind what the token is known to have typed. The sign-ins that were
// between this and the proof before it are lost, so it is looked for far ahead.
func (t taking) raise(c credential) error {
	if err := t.remember(); err != nil {
		return err
	}
	seed, err := seedOf(t.tx, c.ID)
	if err != nil {
		return err
	}
	defer seed.Wipe()
	offset, found, err := seek(seed, c, t.rec.proof.OTPs)
	if err != nil {
		return err
	}
	if !found {
		return t.answer(feed.NoMatch, 0)
	}
	c.Next += uint64(offset + len(t.rec.proof.OTPs))
	if err := saveCredential(t.tx, c); err != nil {
		return err
	}
	return t.answer(feed.InStep, offset)
}

// seek looks for one OTP, or two in a row, as far as each may be told from a guess.
func seek(seed secret.Seed, c credential, typed []secret.OTP) (int, bool, error) {
	if len(typed) == 1 {
		return oath.Search(seed, c.Next, resyncWindow, c.Digits, typed[0])
	}
	codes, err := oath.Codes(seed, c.Next, unsureWindow+1, c.Digits)
	if err != nil {
		return 0, false, err
	}
	offset, found := oath.FindPair(codes, typed[0], typed[1])
	return offset, found, nil
}
