// Package provisioningtest has a small real Ledger in memory, for the tests of packages above
// provisioning. It keeps what the contract promises and forgets everything at the end.
package provisioningtest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Ledger is an in-memory provisioning.Ledger. Its zero value is not usable: see NewLedger.
type Ledger struct {
	mu      sync.Mutex
	state   snapshot
	changed chan struct{}
	changes []provisioning.Change
	// Before, when set, may refuse a commit: it gets the number of commits so far.
	Before func(commits int) error
}

var _ provisioning.Ledger = (*Ledger)(nil)

// NewLedger returns an empty ledger holding the given rows.
func NewLedger(rows ...provisioning.Row) *Ledger {
	l := &Ledger{changed: make(chan struct{})}
	l.state = l.state.with(rows, 0)
	return l
}

// Do implements provisioning.Ledger.
func (l *Ledger) Do(
	_ context.Context, decide func(provisioning.Snapshot) (provisioning.Change, error),
) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change, err := decide(l.state)
	if err != nil {
		return l.state.position, err
	}
	if change.IsZero() {
		return l.state.position, errors.New("a change without an entry")
	}
	if l.Before != nil {
		if err := l.Before(len(l.changes)); err != nil {
			return l.state.position, err
		}
	}
	l.changes = append(l.changes, change)
	l.state = l.state.with(change.Rows(), l.state.position+1)
	close(l.changed)
	l.changed = make(chan struct{})
	return l.state.position, nil
}

// Snapshot implements provisioning.Ledger.
func (l *Ledger) Snapshot() provisioning.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Changed implements provisioning.Ledger.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Changes returns every change committed so far.
func (l *Ledger) Changes() []provisioning.Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.changes)
}

type address struct {
	kind provisioning.Kind
	key  string
}

// snapshot is immutable: with returns another.
type snapshot struct {
	rows     map[address]provisioning.Row
	position int64
}

func (s snapshot) with(rows []provisioning.Row, position int64) snapshot {
	next := snapshot{maps.Clone(s.rows), position}
	if next.rows == nil {
		next.rows = map[address]provisioning.Row{}
	}
	for _, row := range rows {
		at := address{row.Kind(), row.Key()}
		if row.Live() {
			next.rows[at] = row
		} else {
			delete(next.rows, at)
		}
	}
	return next
}

func (s snapshot) Position() int64 { return s.position }

func (s snapshot) Get(kind provisioning.Kind, key string) (provisioning.Row, bool) {
	row, ok := s.rows[address{kind, key}]
	return row, ok
}

func (s snapshot) Find(
	kind provisioning.Kind, index provisioning.Index, value string,
) iter.Seq[provisioning.Row] {
	var keys []string
	for at, row := range s.rows {
		tag := provisioning.Tag{Index: index, Value: value}
		if at.kind == kind && (index == "" || slices.Contains(row.Tags(), tag)) {
			keys = append(keys, at.key)
		}
	}
	slices.Sort(keys)
	return func(yield func(provisioning.Row) bool) {
		for _, key := range keys {
			if !yield(s.rows[address{kind, key}]) {
				return
			}
		}
	}
}
