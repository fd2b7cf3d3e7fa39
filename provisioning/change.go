package provisioning

import (
	"context"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Entry is one line of the log: who did what to whom, on which evidence, under which rule, and how
// it ended. The store gives it its sequence number, which is also its leaf in the Merkle log.
type Entry struct {
	At time.Time
	// Synced says whether the clock was synchronised when At was taken.
	Synced bool
	Desk   DeskID
	// Actor is an officer, an operator at the box ("operator:root"), or the part of the desk that
	// acted on its own ("desk", "verifier").
	Actor string
	Act   Act
	// Rule is the id of the rule that allowed it, for example "loan.reason.S43".
	Rule       string
	Visit      VisitID
	Person     PersonID
	Token      TokenID
	Credential CredentialID
	Loan       LoanID
	Evidence   Evidence
	// Outcome in one word: "done", "refused", "intended", "doubtful".
	Outcome string
	// Detail are further facts, never a secret.
	Detail map[string]string
}

// Act names what an entry is about, for example "loan.write".
type Act string

// Change is everything one commit does. It cannot be built without the entry that explains it.
type Change struct {
	entry   Entry
	rows    []Row
	records []feed.Record
	erasing *Erasing
}

// NewChange starts a change with its entry.
func NewChange(e Entry) Change { return Change{entry: e} }

// Put returns the change with rows written in their new form.
func (c Change) Put(rows ...Row) Change {
	c.rows = append(slices.Clone(c.rows), rows...)
	return c
}

// Publish returns the change with records added to the feed.
func (c Change) Publish(records ...feed.Record) Change {
	c.records = append(slices.Clone(c.records), records...)
	return c
}

// Entry is the line of the log.
func (c Change) Entry() Entry { return c.entry }

// Rows are the rows to write, in order.
func (c Change) Rows() []Row { return c.rows }

// Records are what the feed gets.
func (c Change) Records() []feed.Record { return c.records }

// IsZero reports a change that was never built; a ledger refuses it.
func (c Change) IsZero() bool { return c.entry.Act == "" }

// Ledger is the one write path.
type Ledger interface {
	// Do runs decide inside the single writer on the newest state and makes its Change durable and
	// visible, or returns decide's error and changes nothing. It returns the position of the leaf:
	// the number of leaves after the commit. decide is pure and quick: no I/O, no hardware.
	Do(ctx context.Context, decide func(Snapshot) (Change, error)) (position int64, err error)
	// Snapshot returns the newest committed state.
	Snapshot() Snapshot
	// Changed returns a channel that is closed by the next commit.
	Changed() <-chan struct{}
}
