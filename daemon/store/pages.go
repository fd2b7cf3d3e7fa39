package store

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/hashicorp/go-memdb"

	"github.com/tokendesk/tokendesk/provisioning"
)

// An index of memdb costs a leaf of its tree, with two channels to watch it by, for every row and
// tag: measured with 100,000 loaned tokens, three quarters of all memory and most of a restart.
// Nobody watches those leaves. So each kind and index has a table of pages instead: sorted runs of
// tagged rows, copied when they change, which memdb keeps in order and in the same transaction as
// the rows.

// pageMax is how many rows a page may list; a page that outgrows it becomes two.
const pageMax = 128

// tagged is a row under one of its tags.
type tagged struct {
	value, key string
	row        provisioning.Row
}

// page lists the tagged rows from low on, up to the low of the next page. It is never changed.
type page struct {
	low  string
	rows []tagged
}

// firstLow is below the place of every row: an index has a first page also when it is empty.
const firstLow = "\x00"

func pageTable(kind provisioning.Kind, index provisioning.Index) string {
	return "tag." + string(kind) + "." + string(index)
}

// compare orders by value, shorter values first, then by key. That keeps the rows of a value
// together and in key order, and is the order of the bytes of place.
func (t tagged) compare(other tagged) int {
	return cmp.Or(cmp.Compare(len(t.value), len(other.value)),
		strings.Compare(t.value, other.value), strings.Compare(t.key, other.key))
}

// place is where a row stands, as bytes.
func (t tagged) place() string {
	b := make([]byte, 0, 5+len(t.value)+len(t.key))
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(len(t.value)))
	return string(append(append(b, t.value...), t.key...))
}

// eachTag gives the row under each of its tags. A tag with no value is none.
func eachTag(row provisioning.Row) iter.Seq2[string, tagged] {
	return func(yield func(string, tagged) bool) {
		key := row.Key()
		for _, tag := range row.Tags() {
			if tag.Value != "" &&
				!yield(pageTable(row.Kind(), tag.Index), tagged{tag.Value, key, row}) {
				return
			}
		}
	}
}

// pageOf finds the page a row belongs to.
func pageOf(txn *memdb.Txn, table string, t tagged) page {
	pages, err := txn.ReverseLowerBound(table, byKey, t.place())
	mustKnow(err)
	return pages.Next().(page)
}

// insertTagged puts a row in its place, instead of an older form of it if there is one.
func insertTagged(txn *memdb.Txn, table string, t tagged) {
	p := pageOf(txn, table, t)
	i, found := slices.BinarySearchFunc(p.rows, t, tagged.compare)
	rows := make([]tagged, 0, len(p.rows)+1)
	rows = append(append(rows, p.rows[:i]...), t)
	if found {
		i++
	}
	rows = append(rows, p.rows[i:]...)
	if len(rows) <= pageMax {
		mustKnow(txn.Insert(table, page{p.low, rows}))
		return
	}
	left, right := rows[:len(rows)/2], rows[len(rows)/2:]
	mustKnow(txn.Insert(table, page{p.low, slices.Clone(left)}))
	mustKnow(txn.Insert(table, page{right[0].place(), slices.Clone(right)}))
}

// removeTagged takes a row out. A page left empty goes too, but the first.
func removeTagged(txn *memdb.Txn, table string, t tagged) {
	p := pageOf(txn, table, t)
	i, found := slices.BinarySearchFunc(p.rows, t, tagged.compare)
	if !found {
		return
	}
	rows := slices.Concat(p.rows[:i], p.rows[i+1:])
	if len(rows) == 0 && p.low != firstLow {
		mustKnow(txn.Delete(table, p))
		return
	}
	mustKnow(txn.Insert(table, page{p.low, rows}))
}

// insertPages fills an empty index at once. Pages start three quarters full.
func insertPages(txn *memdb.Txn, table string, rows []tagged) {
	slices.SortFunc(rows, tagged.compare)
	low := firstLow
	for run := range slices.Chunk(rows, pageMax*3/4) {
		if low != firstLow {
			low = run[0].place()
		}
		mustKnow(txn.Insert(table, page{low, run}))
		low = ""
	}
}

// findTagged gives the rows with a value, in key order.
func findTagged(txn *memdb.Txn, table, value string) iter.Seq[provisioning.Row] {
	return func(yield func(provisioning.Row) bool) {
		first := tagged{value: value}
		pages, err := txn.LowerBound(table, byKey, pageOf(txn, table, first).low)
		mustKnow(err)
		for next := pages.Next(); next != nil; next = pages.Next() {
			rows := next.(page).rows
			i, _ := slices.BinarySearchFunc(rows, first, tagged.compare)
			for _, t := range rows[i:] {
				if t.value != value || !yield(t.row) {
					return
				}
			}
		}
	}
}
