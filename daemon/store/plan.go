package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/hashicorp/go-memdb"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// The buckets. Rows are under their blinded kind and key; what is appended is under its number.
const (
	// entryBucket: salt (32 bytes) and entry as JSON, under the person's key.
	entryBucket = "entries"
	// leafBucket: the data of the leaf, see feed.Leaf.Data.
	leafBucket = "leaves"
	// hashBucket: the tree hashes that the leaf completed, lowest level first.
	hashBucket = "hashes"
	// recordBucket: canonical record, under leaf number and place in the leaf (2 bytes), under the key
	// of the person it is about. Apart from the leaf, which keeps its hash, so that the log stays
	// whole when the person is erased.
	recordBucket = "records"
	// signedBucket: the newest signed checkpoint.
	signedBucket = "signed"
)

func rowBucket(kind provisioning.Kind) string     { return "row." + string(kind) }
func archiveBucket(kind provisioning.Kind) string { return "archive." + string(kind) }

func buckets() []string {
	names := []string{entryBucket, leafBucket, hashBucket, recordBucket, signedBucket}
	for _, row := range provisioning.Rows() {
		names = append(names, rowBucket(row.Kind()), archiveBucket(row.Kind()))
	}
	return names
}

// plan is a Change made ready: valid, encoded, and without anything left that could go wrong but
// the disk.
type plan struct {
	person  provisioning.PersonID
	entry   []byte
	leaf    feed.Leaf
	records [][]byte
	rows    []plannedRow
	// owners are the persons under whose keys the records are sealed: see own.
	owners []provisioning.PersonID
	// erasing is what the change erases, and gone the rows in memory that are erased with it.
	erasing *provisioning.Erasing
	gone    []provisioning.Row
}

// plannedRow holds the row as a restart will read it, so that memory shows the same before and
// after, and keeps nothing of what the caller still holds.
type plannedRow struct {
	provisioning.Row
	value []byte
	live  bool
}

// retired is a row that leaves memory although it would call itself live.
type retired struct{ provisioning.Row }

// Live implements provisioning.Row.
func (retired) Live() bool { return false }

// ready validates and encodes a change.
func (s *Store) ready(c provisioning.Change) (plan, error) {
	if c.IsZero() {
		return plan{}, fmt.Errorf("%w: it has no entry", ErrInvalid)
	}
	entry := c.Entry()
	if entry.Desk == "" {
		entry.Desk = s.desk
	}
	if entry.At.IsZero() {
		entry.At = s.clock()
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return plan{}, fmt.Errorf("%w: encode its entry: %w", ErrInvalid, err)
	}
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never errs (crypto/rand)
	p := plan{
		person: entry.Person,
		entry:  append(salt[:], line...),
		leaf:   feed.Leaf{Commitment: feed.Commit(salt, line), Records: c.Records()},
	}
	if err := p.addRecords(); err != nil {
		return plan{}, err
	}
	if err := p.addRows(s.codecs, c.Rows()); err != nil {
		return plan{}, err
	}
	return p, p.addErasing(c)
}

// saltSize is the length of the salt in front of a stored entry.
const saltSize = sha256.Size

// maxRecords in one change fit the two bytes of their place.
const maxRecords = 1 << 16

func (p *plan) addRecords() error {
	if len(p.leaf.Records) > maxRecords {
		return fmt.Errorf("%w: it publishes too much", ErrInvalid)
	}
	for _, r := range p.leaf.Records {
		if r.ID == "" || r.Kind == "" || r.Erased != nil {
			return fmt.Errorf("%w: a record has no id or kind", ErrInvalid)
		}
		line := r.Canonical()
		if _, err := decodeRecord(line); err != nil {
			return fmt.Errorf("%w: a record cannot be read back", ErrInvalid)
		}
		p.records = append(p.records, line)
	}
	return nil
}

func (p *plan) addRows(codecs map[provisioning.Kind]codec, rows []provisioning.Row) error {
	type id struct {
		kind provisioning.Kind
		key  string
	}
	seen := make(map[id]bool, len(rows))
	for _, row := range rows {
		planned, err := planRow(codecs, row)
		if err != nil {
			return err
		}
		at := id{planned.Kind(), planned.Key()}
		if seen[at] {
			return fmt.Errorf("%w: it puts one %s twice", ErrInvalid, at.kind)
		}
		seen[at] = true
		p.rows = append(p.rows, planned)
	}
	return nil
}

func planRow(codecs map[provisioning.Kind]codec, row provisioning.Row) (plannedRow, error) {
	if row == nil {
		return plannedRow{}, fmt.Errorf("%w: a row is nil", ErrInvalid)
	}
	live := row.Live()
	if r, ok := row.(retired); ok {
		row = r.Row
	}
	kind := row.Kind()
	codec, ok := codecs[kind]
	if !ok || codec.typ != reflect.TypeOf(row) {
		return plannedRow{}, fmt.Errorf("%w: %T is not a row of %q", ErrInvalid, row, kind)
	}
	value, err := codec.encode(row)
	if err != nil {
		return plannedRow{}, fmt.Errorf("%w: encode a %s: %w", ErrInvalid, kind, err)
	}
	back, err := codec.decode(value)
	if err != nil || row.Key() == "" {
		return plannedRow{}, fmt.Errorf("%w: a %s has no key or does not read back",
			ErrInvalid, kind)
	}
	return plannedRow{Row: back, value: value, live: live}, nil
}

func decodeRecord(line []byte) (feed.Record, error) {
	var r feed.Record
	if err := json.Unmarshal(line, &r); err != nil {
		return feed.Record{}, fmt.Errorf("decode a record: %w", err)
	}
	return r, nil
}

// show makes the change visible inside a memdb transaction, as the leaf at a position.
func (p plan) show(txn *memdb.Txn, at int64) {
	for _, row := range p.gone {
		deleteRow(txn, row)
	}
	for _, row := range p.rows {
		if row.live {
			putRow(txn, row.Row)
		} else {
			deleteRow(txn, row.Row)
		}
	}
	mustKnow(txn.Insert(streamTable, stream{logStream, at + 1}))
	if len(p.records) > 0 {
		mustKnow(txn.Insert(streamTable, stream{feedStream, at + 1}))
	}
}

// write puts the change into the file, as the leaf at a position.
func (p plan) write(tx *boltfile.Tx, file *boltfile.File, at int64) error {
	n, err := tx.AppendFor(string(p.person), entryBucket, p.entry)
	if err != nil {
		return err
	}
	if n != uint64(at) {
		return fmt.Errorf("%w: the entry became number %d, not %d", ErrLog, n, at)
	}
	if err := appendLeaf(tx, at, p.leaf.Data()); err != nil {
		return err
	}
	for i, line := range p.records {
		if err := tx.PutFor(string(p.owners[i]), recordBucket, recordKey(at, i), line); err != nil {
			return err
		}
	}
	if err := p.erase(tx, file); err != nil {
		return err
	}
	for _, row := range p.rows {
		if err := row.write(tx, file, at); err != nil {
			return err
		}
	}
	return nil
}

func recordKey(at int64, i int) []byte {
	return binary.BigEndian.AppendUint16(boltfile.Number(uint64(at)), uint16(i))
}

func (r plannedRow) write(tx *boltfile.Tx, file *boltfile.File, at int64) error {
	key, subject := file.Blind(string(r.Kind()), r.Key()), string(r.Subject())
	if r.live {
		return tx.PutFor(subject, rowBucket(r.Kind()), key, r.value)
	}
	if err := tx.Delete(rowBucket(r.Kind()), key); err != nil {
		return err
	}
	// The position makes each time a row was archived a value of its own.
	place := append(key, boltfile.Number(uint64(at))...)
	return tx.PutFor(subject, archiveBucket(r.Kind()), place, r.value)
}
