package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"reflect"

	"github.com/hashicorp/go-memdb"

	"github.com/tokendesk/tokendesk/provisioning"
)

const (
	byKey = "id" // the name memdb asks for
	byTag = "tag"

	// streamTable has one row per stream of positions. It is what watches wait for: a watch on an
	// index row wakes on that row alone (go-memdb's radix nodes are shared by their neighbours).
	streamTable = "stream"
	logStream   = "log"
	feedStream  = "feed"
)

// stream is how far a stream has come.
type stream struct {
	Name     string
	Position int64
}

// newMemory builds the tables from the rows there are.
func newMemory() (*memdb.MemDB, error) {
	tables := map[string]*memdb.TableSchema{streamTable: {
		Name: streamTable,
		Indexes: map[string]*memdb.IndexSchema{byKey: {Name: byKey, Unique: true,
			Indexer: keyIndexer(func(row any) string { return row.(stream).Name })}},
	}}
	for _, row := range provisioning.Rows() {
		name := string(row.Kind())
		tables[name] = &memdb.TableSchema{Name: name, Indexes: map[string]*memdb.IndexSchema{
			byKey: {Name: byKey, Unique: true, Indexer: keyIndexer(func(row any) string {
				return row.(provisioning.Row).Key()
			})},
			byTag: {Name: byTag, AllowMissing: true, Indexer: tagIndexer{}},
		}}
	}
	return memdb.NewMemDB(&memdb.DBSchema{Tables: tables})
}

// keyIndexer indexes by a key that is never empty.
type keyIndexer func(row any) string

// FromObject implements memdb.SingleIndexer.
func (k keyIndexer) FromObject(row any) (bool, []byte, error) { return true, []byte(k(row)), nil }

// FromArgs implements memdb.Indexer.
func (keyIndexer) FromArgs(args ...any) ([]byte, error) { return []byte(args[0].(string)), nil }

// tagIndexer indexes by all tags of a row at once. memdb finds by prefix and appends the key, so a
// value carries its length: no value is the beginning of another. An empty value is not indexed.
type tagIndexer struct{}

// FromObject implements memdb.MultiIndexer.
func (tagIndexer) FromObject(row any) (bool, [][]byte, error) {
	tags := row.(provisioning.Row).Tags()
	values := make([][]byte, 0, len(tags))
	for _, tag := range tags {
		if tag.Value != "" {
			values = append(values, tagValue(tag))
		}
	}
	return len(values) > 0, values, nil
}

// FromArgs implements memdb.Indexer.
func (tagIndexer) FromArgs(args ...any) ([]byte, error) {
	return tagValue(args[0].(provisioning.Tag)), nil
}

func tagValue(tag provisioning.Tag) []byte {
	// Room for the key memdb appends spares it a copy.
	b := make([]byte, 0, len(tag.Index)+len(tag.Value)+2*binary.MaxVarintLen16+40)
	b = binary.AppendUvarint(b, uint64(len(tag.Index)))
	b = append(b, tag.Index...)
	b = binary.AppendUvarint(b, uint64(len(tag.Value)))
	return append(b, tag.Value...)
}

// snapshot implements provisioning.Snapshot. Rows are shared with every other reader: maps in them
// are for reading only.
type snapshot struct{ txn *memdb.Txn }

// Get implements provisioning.Snapshot.
func (s snapshot) Get(kind provisioning.Kind, key string) (provisioning.Row, bool) {
	row, err := s.txn.First(string(kind), byKey, key)
	mustKnow(err)
	if row == nil {
		return nil, false
	}
	return row.(provisioning.Row), true
}

// Find implements provisioning.Snapshot.
func (s snapshot) Find(kind provisioning.Kind, index provisioning.Index,
	value string) iter.Seq[provisioning.Row] {
	return func(yield func(provisioning.Row) bool) {
		rows, err := s.find(kind, index, value)
		mustKnow(err)
		for row := rows.Next(); row != nil; row = rows.Next() {
			if !yield(row.(provisioning.Row)) {
				return
			}
		}
	}
}

func (s snapshot) find(kind provisioning.Kind, index provisioning.Index,
	value string) (memdb.ResultIterator, error) {
	if index == "" {
		return s.txn.Get(string(kind), byKey)
	}
	return s.txn.Get(string(kind), byTag, provisioning.Tag{Index: index, Value: value})
}

// Position implements provisioning.Snapshot.
func (s snapshot) Position() int64 { return s.stream(logStream) }

func (s snapshot) stream(name string) int64 {
	row, err := s.txn.First(streamTable, byKey, name)
	mustKnow(err)
	return row.(stream).Position
}

// mustKnow panics for a table that does not exist: a mistake in the program, not in the data.
func mustKnow(err error) {
	if err != nil {
		panic(fmt.Sprintf("the rows in memory: %v", err))
	}
}

// Snapshot implements provisioning.Ledger.
func (s *Store) Snapshot() provisioning.Snapshot { return s.snapshot() }

func (s *Store) snapshot() snapshot { return snapshot{s.mem.Txn(false)} }

// Changed implements provisioning.Ledger. Take the channel before the snapshot, or a commit between
// the two is missed.
func (s *Store) Changed() <-chan struct{} { return s.watch(logStream) }

// FeedChanged returns a channel that is closed by the next commit that publishes something.
func (s *Store) FeedChanged() <-chan struct{} { return s.watch(feedStream) }

func (s *Store) watch(name string) <-chan struct{} {
	changed, _, err := s.mem.Txn(false).FirstWatch(streamTable, byKey, name)
	mustKnow(err)
	return changed
}

// Head is the number of leaves committed.
func (s *Store) Head() int64 { return s.snapshot().stream(logStream) }

// FeedHead is the position after the newest leaf that carries records: a follower that has acked it
// misses nothing but its own silence.
func (s *Store) FeedHead() int64 { return s.snapshot().stream(feedStream) }

// tableTypes maps each table to the type of its rows.
func tableTypes() map[provisioning.Kind]reflect.Type {
	types := make(map[provisioning.Kind]reflect.Type)
	for _, row := range provisioning.Rows() {
		types[row.Kind()] = reflect.TypeOf(row)
	}
	return types
}
