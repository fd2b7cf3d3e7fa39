package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// tracing is one look for what the file holds of a person.
type tracing struct {
	*Store
	person string
	// mentions says whether a text under the desk's own key is about them.
	mentions func(string) bool
	found    *provisioning.Traces
	// credentials are theirs: records name nobody else.
	credentials map[string]bool
}

// Trace looks through the file for what it holds of a person, from where an earlier look ended, and
// keeps nobody from writing. Under the desk's own key it finds what mentions says is about them in
// a detail of an entry that is about nobody, and in a row that is archived.
func (s *Store) Trace(ctx context.Context, person provisioning.PersonID,
	mentions func(string) bool, since provisioning.Traces) (provisioning.Traces, error) {
	head := s.Head()
	t := tracing{Store: s, person: string(person), mentions: mentions, found: &since,
		credentials: map[string]bool{}}
	for _, r := range since.Records {
		t.credentials[r.Credential] = true
	}
	err := t.all(ctx, since.Position, head)
	since.Position = head
	if err != nil {
		return provisioning.Traces{}, fmt.Errorf("look for what there is of a person: %w", err)
	}
	return since, nil
}

func (t tracing) all(ctx context.Context, from, to int64) error {
	err := t.file.View(func(tx *boltfile.Tx) error {
		mark, _, err := tx.Mark(t.person)
		t.found.Mark = hex.EncodeToString(mark)
		return err
	})
	if err != nil {
		return err
	}
	for _, kind := range provisioning.Rows() {
		err := t.file.View(func(tx *boltfile.Tx) error { return t.archive(ctx, tx, kind, from) })
		if err != nil {
			return err
		}
	}
	for _, look := range []func(context.Context, *boltfile.Tx, int64, int64) error{t.entries,
		t.records} {
		for at := from; at < to; at += auditPage {
			err := t.file.View(func(tx *boltfile.Tx) error {
				return look(ctx, tx, at, min(at+auditPage, to))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (t tracing) stray(table string, key []byte) {
	t.found.Strays = append(t.found.Strays, provisioning.Place{Table: table, Key: string(key)})
}

// archive finds the ids of what was theirs, and what mentions them.
func (t tracing) archive(ctx context.Context, tx *boltfile.Tx, kind provisioning.Row,
	from int64) error {
	table := archiveBucket(kind.Kind())
	fresh := func(key []byte) bool {
		return len(key) >= 8 && int64(binary.BigEndian.Uint64(key[len(key)-8:])) >= from
	}
	codec := t.codecs[kind.Kind()]
	err := tx.ForEachOf(t.person, table, nil, nil, fresh, func(i boltfile.Item) error {
		row, err := codec.decode(i.Value)
		if err == nil {
			t.credentials[row.Key()] = true
		}
		return err
	})
	if err != nil || kind.Subject() != "" {
		return err
	}
	return tx.ForEachOf("", table, nil, nil, fresh, func(i boltfile.Item) error {
		if t.mentions(string(i.Value)) {
			t.stray(table, i.Key)
		}
		return ctx.Err()
	})
}

func (t tracing) entries(ctx context.Context, tx *boltfile.Tx, from, to int64) error {
	low, high := boltfile.Number(uint64(from)), boltfile.Number(uint64(to))
	err := tx.ForEachOf(t.person, entryBucket, low, high, nil, func(i boltfile.Item) error {
		entry, err := decodeEntry(i.Value)
		t.credentials[string(entry.Credential)] = true
		return err
	})
	if err != nil {
		return err
	}
	return tx.ForEachOf("", entryBucket, low, high, nil, func(i boltfile.Item) error {
		entry, err := decodeEntry(i.Value)
		for _, detail := range entry.Detail {
			if t.mentions(detail) {
				t.stray(entryBucket, i.Key)
				break
			}
		}
		return err
	})
}

func decodeEntry(value []byte) (entry provisioning.Entry, err error) {
	if len(value) < saltSize {
		return entry, boltfile.ErrDamaged
	}
	return entry, json.Unmarshal(value[saltSize:], &entry)
}

// records finds what was published about them; an older file has it under the desk's own key.
func (t tracing) records(_ context.Context, tx *boltfile.Tx, from, to int64) error {
	low, high := boltfile.Number(uint64(from)), boltfile.Number(uint64(to))
	err := tx.ForEachOf(t.person, recordBucket, low, high, nil, t.record)
	if err != nil {
		return err
	}
	return tx.ForEachOf("", recordBucket, low, high, nil, func(i boltfile.Item) error {
		r, err := decodeRecord(i.Value)
		if err != nil || !t.credentials[r.Credential] || r.Kind == feed.KindErase {
			return err
		}
		t.stray(recordBucket, i.Key)
		return t.record(i)
	})
}

func (t tracing) record(i boltfile.Item) error {
	r, err := decodeRecord(i.Value)
	if err != nil {
		return err
	}
	t.found.Records = append(t.found.Records,
		feed.Erased{Record: r.ID, Credential: r.Credential, Hash: r.Hash()})
	t.found.Published = int64(binary.BigEndian.Uint64(i.Key[:8])) + 1
	return nil
}

// Marked says who of the persons in memory has which of these marks: it finds whom another copy of
// this file has erased since.
func (s *Store) Marked(ctx context.Context,
	marks []string) (map[string]provisioning.PersonID, error) {
	wanted, found := map[string]bool{}, map[string]provisioning.PersonID{}
	for _, mark := range marks {
		wanted[mark] = true
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	now := s.Snapshot()
	err := s.file.View(func(tx *boltfile.Tx) error {
		for person := range provisioning.All[provisioning.Person](now) {
			mark, known, err := tx.Mark(string(person.ID))
			if err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			if name := hex.EncodeToString(mark); known && wanted[name] {
				found[name] = person.ID
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for whom another copy has erased: %w", err)
	}
	return found, nil
}
