package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// addErasing takes over what the change erases. Nothing of the change may be sealed under the key
// that goes with it.
func (p *plan) addErasing(c provisioning.Change) error {
	e, ok := c.Erasing()
	if !ok {
		return nil
	}
	if e.Person == "" || p.person == e.Person {
		return fmt.Errorf("%w: it erases the person its entry is about", ErrInvalid)
	}
	for _, row := range p.rows {
		if row.Subject() == e.Person {
			return fmt.Errorf("%w: it puts a %s of the person it erases", ErrInvalid, row.Kind())
		}
	}
	p.erasing = &e
	return nil
}

// own finds out, on what stood before the change, whose its records are and which rows it erases.
func (p *plan) own(now snapshot) error {
	for _, r := range p.leaf.Records {
		p.owners = append(p.owners, p.owner(now, r.Credential))
	}
	if p.erasing == nil {
		return nil
	}
	if p.erasing.Traces.Position != now.Position() {
		return fmt.Errorf("%w: it erases what there was at %d, and this is %d", ErrInvalid,
			p.erasing.Traces.Position, now.Position())
	}
	for _, kind := range provisioning.Rows() {
		for row := range now.Find(kind.Kind(), "", "") {
			if row.Subject() == p.erasing.Person {
				p.gone = append(p.gone, row)
			}
		}
	}
	p.gone = append(p.gone, p.erasing.Forget...)
	return nil
}

// owner is the person whose row has the id a record is about, or else the one of the entry.
func (p *plan) owner(now snapshot, id string) provisioning.PersonID {
	for _, row := range p.rows {
		if row.Key() == id && row.Subject() != "" {
			return row.Subject()
		}
	}
	for _, kind := range provisioning.Rows() {
		if row, ok := now.Get(kind.Kind(), id); ok && row.Subject() != "" {
			return row.Subject()
		}
	}
	return p.person
}

// erase takes the rows out of the file, gathers what is about the person under their key, and
// erases that.
func (p plan) erase(tx *boltfile.Tx, file *boltfile.File) error {
	if p.erasing == nil {
		return nil
	}
	person := string(p.erasing.Person)
	for _, row := range p.gone {
		key := file.Blind(string(row.Kind()), row.Key())
		if err := tx.Delete(rowBucket(row.Kind()), key); err != nil {
			return err
		}
	}
	for _, row := range p.erasing.Forget {
		if err := adoptArchived(tx, file, person, row); err != nil {
			return err
		}
	}
	for _, place := range p.erasing.Traces.Strays {
		err := tx.Adopt(person, place.Table, []byte(place.Key))
		if err != nil && !errors.Is(err, boltfile.ErrAbsent) {
			return err
		}
	}
	_, err := tx.EraseKey(person)
	return err
}

// adoptArchived takes the archived forms of a row under the person's key.
func adoptArchived(tx *boltfile.Tx, file *boltfile.File, person string,
	row provisioning.Row) error {
	from, to := archived(file, row.Kind(), row.Key())
	var keys [][]byte
	err := tx.ForEachOf("", archiveBucket(row.Kind()), from, to, nil, func(i boltfile.Item) error {
		keys = append(keys, bytes.Clone(i.Key))
		return nil
	})
	for _, key := range keys {
		err = errors.Join(err, tx.Adopt(person, archiveBucket(row.Kind()), key))
	}
	return err
}

// fillErased gives the records of a leaf that were erased the hashes the leaf has of them.
func fillErased(leaf *feed.Leaf, hashes []byte) {
	for i, r := range leaf.Records {
		if at := i * sha256.Size; r.Erased != nil && len(hashes) >= at+sha256.Size {
			leaf.Records[i].Erased = slices.Clone(hashes[at : at+sha256.Size])
		}
	}
}

// passErasure lets whoever is about to serve erased records wait until memory knows of the erasure:
// the head they tell must not be from before it, or the records would seem to be held back.
func (s *Store) passErasure(leaves []feed.Leaf) {
	for _, leaf := range leaves {
		for _, r := range leaf.Records {
			if r.Erased != nil {
				s.writer.Lock()
				defer s.writer.Unlock()
				return
			}
		}
	}
}

// Compact writes the file anew without what was erased, deleted or overwritten: see
// boltfile.File.Compact. After an error of the disk that leaves it unknown which file it has, the
// store takes no more changes.
func (s *Store) Compact() (boltfile.Compaction, error) {
	c, err := s.file.Compact()
	s.stopAfter(err)
	return c, err
}

// Compacting says whether Do waits for Compact now.
func (s *Store) Compacting() bool { return s.file.Compacting() }
