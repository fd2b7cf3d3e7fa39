package store

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/hashicorp/go-memdb"
	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
)

// load checks the log and fills memory. Entries are not touched.
func (s *Store) load(ctx context.Context) error {
	mem, err := newMemory()
	if err != nil {
		return err
	}
	txn := mem.Txn(true)
	defer txn.Abort() // does nothing after Commit
	err = s.file.View(func(tx *boltfile.Tx) error { return s.loadStreams(tx, txn) })
	if err != nil {
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

// table is one kind of rows, decoded.
type table struct {
	kind provisioning.Row
	rows []tagged
}

// loadRows decodes one table on every core while the one before it goes into memory.
func (s *Store) loadRows(ctx context.Context, txn *memdb.Txn) error {
	decoded := make(chan table)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		defer close(decoded)
		for _, kind := range provisioning.Rows() {
			rows, err := s.decodeTable(ctx, kind)
			if err != nil {
				return err
			}
			decoded <- table{kind, rows}
		}
		return nil
	})
	for t := range decoded {
		fill(txn, t.kind, t.rows)
	}
	return work.Wait()
}

// decodeTable reads a table in parts. Rows lie under blinded keys, so equal parts of the key space
// are equal parts of the table.
func (s *Store) decodeTable(ctx context.Context, kind provisioning.Row) ([]tagged, error) {
	const parts, width = 32, 256 / 32
	var rows [parts][]tagged
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i := range parts {
		from, to := []byte{byte(i * width)}, []byte{byte((i + 1) * width)}
		if i == parts-1 {
			to = nil
		}
		work.Go(func() (err error) {
			rows[i], err = s.decode(ctx, kind, from, to)
			return err
		})
	}
	err := work.Wait()
	return slices.Concat(rows[:]...), err
}

// decode reads the rows with from <= key < to. Rows of a person who was erased are gone.
func (s *Store) decode(ctx context.Context, kind provisioning.Row,
	from, to []byte) ([]tagged, error) {
	var rows []tagged
	codec := s.codecs[kind.Kind()]
	err := s.file.View(func(tx *boltfile.Tx) error {
		return tx.ForEach(rowBucket(kind.Kind()), from, to, func(i boltfile.Item) error {
			if i.Erased {
				return ctx.Err()
			}
			row, err := codec.decode(i.Value)
			if err == nil && row.Live() {
				rows = append(rows, tagged{key: row.Key(), row: row})
			}
			return err
		})
	})
	return rows, err
}
