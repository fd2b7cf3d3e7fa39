package store

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/hashicorp/go-memdb"

	"github.com/tokendesk/tokendesk/provisioning"
)

const (
	// byKey is the one index of every table, under the name memdb asks for.
	byKey = "id"

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

// newMemory builds the tables from the rows there are: one for the rows of each kind, and one for
// the pages of each of their indexes.
func newMemory() (*memdb.MemDB, error) {
	tables := map[string]*memdb.TableSchema{}
	add := func(name string, key func(any) string) {
		tables[name] = &memdb.TableSchema{Name: name, Indexes: map[string]*memdb.IndexSchema{
			byKey: {Name: byKey, Unique: true, Indexer: keyIndexer(key)}}}
	}
	add(streamTable, func(row any) string { return row.(stream).Name })
	for _, row := range provisioning.Rows() {
		add(string(row.Kind()), func(row any) string { return row.(provisioning.Row).Key() })
		for _, tag := range row.Tags() {
			add(pageTable(row.Kind(), tag.Index), func(row any) string { return row.(page).low })
		}
	}
	mem, err := memdb.NewMemDB(&memdb.DBSchema{Tables: tables})
	if err != nil {
		return nil, fmt.Errorf("build tables: %w", err)
	}
	return mem, nil
}

// keyIndexer indexes by a key that is never empty.
type keyIndexer func(row any) string

// FromObject implements memdb.SingleIndexer.
func (k keyIndexer) FromObject(row any) (bool, []byte, error) { return true, []byte(k(row)), nil }

// FromArgs implements memdb.Indexer.
func (keyIndexer) FromArgs(args ...any) ([]byte, error) { return []byte(args[0].(string)), nil }

// putRow writes a row and its tags.
func putRow(txn *memdb.Txn, row provisioning.Row) {
	removeTags(txn, row)
	mustKnow(txn.Insert(string(row.Kind()), row))
	for table, t := range eachTag(row) {
		insertTagged(txn, table, t)
	}
}

// deleteRow removes a row and its tags, if it is there.
func deleteRow(txn *memdb.Txn, row provisioning.Row) {
	if removeTags(txn, row) {
		mustKnow(txn.Delete(string(row.Kind()), row))
	}
}

// removeTags takes the form a row has now out of its indexes.
func removeTags(txn *memdb.Txn, row provisioning.Row) bool {
	old, ok := snapshot{txn}.Get(row.Kind(), row.Key())
	if ok {
		for table, t := range eachTag(old) {
			removeTagged(txn, table, t)
		}
	}
	return ok
}

// fill writes many rows of one kind into an empty table, in the order of their keys: memdb keeps
// what it changed last at hand, which makes that several times faster than an order by chance.
func fill(txn *memdb.Txn, kind provisioning.Row, rows []tagged) {
	slices.SortFunc(rows, func(a, b tagged) int { return strings.Compare(a.key, b.key) })
	tags := make(map[string][]tagged)
	for _, tag := range kind.Tags() {
		tags[pageTable(kind.Kind(), tag.Index)] = make([]tagged, 0, len(rows))
	}
	for _, t := range rows {
		mustKnow(txn.Insert(string(kind.Kind()), t.row))
		for table, t := range eachTag(t.row) {
			tags[table] = append(tags[table], t)
		}
	}
	for table, rows := range tags {
		mustKnow(txn.Insert(table, page{low: firstLow}))
		insertPages(txn, table, rows)
	}
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

// Find implements provisioning.Snapshot. Asking for an index the table does not have panics.
func (s snapshot) Find(kind provisioning.Kind, index provisioning.Index,
	value string) iter.Seq[provisioning.Row] {
	if index != "" {
		return findTagged(s.txn, pageTable(kind, index), value)
	}
	return func(yield func(provisioning.Row) bool) {
		rows, err := s.txn.Get(string(kind), byKey)
		mustKnow(err)
		for row := rows.Next(); row != nil; row = rows.Next() {
			if !yield(row.(provisioning.Row)) {
				return
			}
		}
	}
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
