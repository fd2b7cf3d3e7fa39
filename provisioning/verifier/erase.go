package verifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

const (
	// erasureTable holds the mark of an erased person -> erasureRow. A desk that was restored from
	// before erases them again by these.
	erasureTable = "erasure"
	// hiddenTable holds desk id, zero, hash -> hidden, for records that a desk shows as erased and
	// whose erasure has not come yet.
	hiddenTable = "hidden"
	// kindErased is what is remembered as the kind of a record that was erased before it came.
	kindErased feed.Kind = "erased"
)

// erasureRow remembers that somebody was erased at a desk, and nothing about them.
type erasureRow struct {
	Desk string    `json:"desk"`
	At   time.Time `json:"at"`
	// Gone is when our own file was written anew since; zero means not yet.
	Gone time.Time `json:"gone,omitzero"`
}

func hiddenKey(desk string, hash []byte) []byte { return append([]byte(desk+"\x00"), hash...) }

// hidden is a record that is shown by its hash alone, and where the desk's log ended when it was:
// an honest desk erases in one commit with what tells it, so that is in the log by then.
type hidden struct {
	Position int64 `json:"position"`
	By       int64 `json:"by"`
}

// hide remembers the records of a page that are shown by their hashes alone.
func hide(tx *boltfile.Tx, desk string, page feed.Page) error {
	for i, leaf := range page.Leaves {
		for _, rec := range leaf.Records {
			if rec.Erased == nil {
				continue
			}
			row := hidden{Position: page.After + int64(i), By: page.Head}
			if err := save(tx, hiddenTable, hiddenKey(desk, rec.Erased), row); err != nil {
				return err
			}
		}
	}
	return nil
}

// uncovered raises the alarm when something is still hidden where an erasure should have come: that
// is how a desk could hold a record back.
func uncovered(tx *boltfile.Tx, desk string, position int64, atEnd bool) error {
	from, to := hiddenKey(desk, nil), []byte(desk+"\x01")
	return tx.ForEach(hiddenTable, from, to, func(item boltfile.Item) error {
		var row hidden
		if err := json.Unmarshal(item.Value, &row); err != nil {
			return err
		}
		if atEnd || row.By <= position {
			return feed.ErrOmitted
		}
		return nil
	})
}

// forgetHidden drops what a desk had hidden in a feed that is no longer followed.
func forgetHidden(tx *boltfile.Tx, desk string) error {
	var keys [][]byte
	err := tx.ForEach(hiddenTable, hiddenKey(desk, nil), []byte(desk+"\x01"),
		func(item boltfile.Item) error {
			keys = append(keys, bytes.Clone(item.Key))
			return nil
		})
	for _, key := range keys {
		err = errors.Join(err, tx.Delete(hiddenTable, key))
	}
	return err
}

// nothingHidden is asked when a desk has no more to show.
func (s *State) nothingHidden(desk string) error {
	return s.file.View(func(tx *boltfile.Tx) error { return uncovered(tx, desk, 0, true) })
}

// takeErase closes what an erasure names, and forgets whose it was.
func (t taking) takeErase() error {
	list, err := t.rec.Erasure()
	if err != nil {
		return err
	}
	_, seen, err := load[recordRow](t.tx, recordTable, []byte(t.rec.ID))
	if err != nil {
		return err
	}
	var ids []string
	for _, e := range list {
		if err := t.cover(e, seen); err != nil {
			return err
		}
		if !slices.Contains(ids, e.Credential) {
			ids = append(ids, e.Credential)
		}
	}
	if seen {
		return nil
	}
	hash := t.rec.Hash()
	err = save(t.tx, recordTable, []byte(t.rec.ID), recordRow{Desk: t.desk.Card.Desk,
		Feed: t.feed, Position: t.rec.position, Kind: t.rec.Kind, Credential: t.rec.Credential,
		Hash: hash[:]})
	if err != nil {
		return err
	}
	if err := t.forget(ids); err != nil {
		return err
	}
	return save(t.tx, erasureTable, []byte(t.rec.Credential),
		erasureRow{Desk: t.desk.Card.Desk, At: t.now})
}

// cover holds one line of an erasure against what was followed: it must be the record that came
// under this id, or one that was hidden from us before it could come.
func (t taking) cover(e feed.Erased, seen bool) error {
	desk := t.desk.Card.Desk
	key := hiddenKey(desk, e.Hash[:])
	hid, err := present(t.tx, hiddenTable, key)
	if err != nil {
		return err
	}
	if hid {
		if err := t.tx.Delete(hiddenTable, key); err != nil {
			return err
		}
	}
	row, known, err := load[recordRow](t.tx, recordTable, []byte(e.Record))
	switch {
	case err != nil:
		return err
	case known && (row.Desk != desk || row.Credential != e.Credential ||
		!bytes.Equal(row.Hash, e.Hash[:])), !known && !hid && !seen, t.rec.Desk != desk:
		return feed.ErrErasure
	case known:
		return nil
	}
	return save(t.tx, recordTable, []byte(e.Record), recordRow{Desk: desk,
		Feed: t.feed, Position: t.rec.position, Kind: kindErased, Credential: e.Credential,
		Hash: e.Hash[:]})
}

// forget leaves of credentials and passcodes their ids, so that nothing ever comes under them
// again.
func (t taking) forget(ids []string) error {
	users := map[string]bool{}
	for _, id := range ids {
		for _, forget := range []func(string, map[string]bool) error{t.forgetCredential,
			t.forgetPasscode} {
			if err := forget(id, users); err != nil {
				return err
			}
		}
	}
	for user := range users {
		if err := t.forgetUser([]byte(user)); err != nil {
			return err
		}
	}
	return nil
}

func (t taking) forgetCredential(id string, users map[string]bool) error {
	c, known, err := loadCredential(t.tx, id)
	switch {
	case err != nil:
		return err
	case known && c.Desk != t.desk.Card.Desk:
		return feed.ErrErasure
	case known:
		users[string(t.userKey(c.User))] = true
		return t.strip(t.tx, c)
	}
	return t.tombstone(id)
}

// strip leaves of a credential its id, its desk and their site. In the index of the site its token
// stays what it is then, in nobody's hands: a desk that was away still has it with the person's tag.
func (s *State) strip(tx *boltfile.Tx, c credential) error {
	if c.State != revoked {
		if err := s.revoke(tx, c); err != nil {
			return err
		}
	}
	if err := s.nobodys(tx, c); err != nil {
		return err
	}
	return saveCredential(tx, credential{ID: c.ID, Desk: c.Desk, Site: c.Site, State: revoked})
}

func (t taking) forgetPasscode(id string, users map[string]bool) error {
	ref, known, err := loadRef(t.tx, id)
	if err != nil || !known || len(ref.User) == 0 {
		return err
	}
	if ref.Desk != t.desk.Card.Desk {
		return feed.ErrErasure
	}
	row, _, err := loadPasscodes(t.tx, ref.User)
	if err != nil {
		return err
	}
	_, err = row.endSets(t.tx, "", func(p passcodeSet) bool { return p.ID == id })
	if err != nil {
		return err
	}
	users[string(ref.User)] = true
	return errors.Join(savePasscodes(t.tx, ref.User, row),
		save(t.tx, passcodeRefTable, []byte(id), passcodeRef{Desk: ref.Desk, Ended: true}))
}

// forgetUser drops what is kept of a user who has nothing any more, from whichever desk.
func (t taking) forgetUser(user []byte) error {
	_, token, err := index(t.tx, userTable, user)
	if err != nil {
		return err
	}
	_, passcodes, err := loadPasscodes(t.tx, user)
	if err != nil || token || passcodes {
		return err
	}
	return t.tx.Delete(saltTable, user)
}

// Erasures lists the marks of those who were erased at a desk: what it has to erase again when it
// was restored from before.
func (s *State) Erasures(desk string) (marks []string, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		return each(tx, erasureTable, func(mark string, row erasureRow) error {
			if row.Desk == desk {
				marks = append(marks, mark)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	return marks, nil
}

// rewriteAgain is how often a file that could not be written anew is tried once more.
const rewriteAgain = time.Hour

// rewrite writes the file anew after every erasure, until ctx is done.
func (v *Verifier) rewrite(ctx context.Context) error {
	tick := time.NewTicker(rewriteAgain)
	defer tick.Stop()
	for {
		err := v.rewriteOnce()
		switch {
		case errors.Is(err, boltfile.ErrCommit):
			return err
		case err != nil:
			v.log.Error("what was erased is still in free pages of the file", "err", err)
		}
		select {
		case <-v.erased:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *Verifier) rewriteOnce() error {
	waiting := map[string]erasureRow{}
	err := v.file.View(func(tx *boltfile.Tx) error {
		return each(tx, erasureTable, func(mark string, row erasureRow) error {
			if row.Gone.IsZero() {
				waiting[mark] = row
			}
			return nil
		})
	})
	if err != nil || len(waiting) == 0 {
		return err
	}
	done, err := v.file.Compact()
	if err != nil {
		return err
	}
	v.log.Info("the file was written anew after an erasure", "erasures", len(waiting),
		"before", done.Before, "after", done.After, "took", done.Took)
	now := v.clock()
	return v.file.Update(func(tx *boltfile.Tx) error {
		for mark, row := range waiting {
			row.Gone = now
			if err := save(tx, erasureTable, []byte(mark), row); err != nil {
				return err
			}
		}
		return nil
	})
}

// wasErased wakes rewrite when a page brought an erasure.
func (v *Verifier) wasErased(records []opened) {
	for _, rec := range records {
		if rec.Kind == feed.KindErase {
			v.rewriteSoon()
		}
	}
}

func (v *Verifier) rewriteSoon() {
	select {
	case v.erased <- struct{}{}:
	default: // it has not looked yet since the last one
	}
}
