package store

import (
	"context"
	"fmt"
	"reflect"
	"runtime"

	"github.com/hashicorp/go-memdb"
	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
)

// part is a stretch of one table. Rows lie under blinded keys, so equal parts of the key space are
// equal parts of the table.
type part struct {
	kind     provisioning.Kind
	row      reflect.Type
	from, to []byte
}

const partsPerTable = 32 // divides 256

func parts() []part {
	const width = 256 / partsPerTable
	var all []part
	for kind, row := range tableTypes() {
		for first := 0; first < 256; first += width {
			p := part{kind: kind, row: row, from: []byte{byte(first)}}
			if first+width < 256 {
				p.to = []byte{byte(first + width)}
			}
			all = append(all, p)
		}
	}
	return all
}

// load checks the log and fills memory. Opening and decoding is what takes the time, and is done on
// every core; inserting is done by one. Entries are not touched.
func (s *Store) load(ctx context.Context) error {
	mem, err := newMemory()
	if err != nil {
		return fmt.Errorf("build tables: %w", err)
	}
	txn := mem.Txn(true)
	defer txn.Abort() // does nothing after Commit
	if err := s.file.View(func(tx *boltfile.Tx) error { return s.loadStreams(tx, txn) }); err != nil {
		return err
	}
	if err := s.loadRows(ctx, txn); err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	txn.Commit()
	s.mem = mem
	return nil
}

func (s *Store) loadStreams(tx *boltfile.Tx, txn *memdb.Txn) error {
	head, err := s.checkLog(tx)
	if err != nil {
		return err
	}
	feedHead, err := lastRecord(tx)
	if err != nil {
		return err
	}
	if feedHead > head {
		return fmt.Errorf("%w: a record belongs to leaf %d of %d", ErrLog, feedHead, head)
	}
	mustKnow(txn.Insert(streamTable, stream{logStream, head}))
	mustKnow(txn.Insert(streamTable, stream{feedStream, feedHead}))
	return nil
}

func (s *Store) loadRows(ctx context.Context, txn *memdb.Txn) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0) + 1) // one of them starts the others
	decoded := make(chan []provisioning.Row, runtime.GOMAXPROCS(0))
	work.Go(func() error {
		for _, part := range parts() {
			work.Go(func() error { return s.decode(ctx, part, decoded) })
		}
		return nil
	})
	done := make(chan error, 1)
	go func() {
		done <- work.Wait()
		close(decoded)
	}()
	for rows := range decoded {
		for _, row := range rows {
			mustKnow(txn.Insert(string(row.Kind()), row))
		}
	}
	return <-done
}

// decode reads one part. Rows of a person who was erased are gone.
func (s *Store) decode(ctx context.Context, part part, to chan<- []provisioning.Row) error {
	var rows []provisioning.Row
	err := s.file.View(func(tx *boltfile.Tx) error {
		return tx.ForEach(rowBucket(part.kind), part.from, part.to, func(i boltfile.Item) error {
			if i.Erased {
				return nil
			}
			row, err := decodeRow(part.row, i.Value)
			if err == nil && row.Live() {
				rows = append(rows, row)
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	select {
	case to <- rows:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
