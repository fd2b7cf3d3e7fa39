package daemon

import (
	"context"
	"errors"
	"net/http"

	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/erasure"
)

// EraseOrder asks for a person to be forgotten. It travels from terminal to socket on this box.
type EraseOrder struct {
	Person string `json:"person"`
	Reason string `json:"reason"`
}

// erasable is the store as an eraser needs it.
type erasable struct{ *store.Store }

var _ erasure.Ledger = erasable{}

// Rewrite implements erasure.Ledger.
func (e erasable) Rewrite() (erasure.Rewritten, error) {
	c, err := e.Compact()
	return erasure.Rewritten{Before: c.Before, After: c.After, Took: c.Took}, err
}

// eraser erases in this desk's name.
func (d *Desk) eraser() *erasure.Eraser {
	return erasure.New(erasure.Config{Ledger: erasable{d.store}, Log: d.log,
		Now: func() provisioning.Now {
			at, synced := d.clock()
			return provisioning.Now{Desk: provisioning.DeskID(d.parts.Config.Desk), At: at,
				Synced: synced}
		}})
}

// ApplyErasures erases again whom a file from before still knows, by the marks the verifier kept.
// It returns how many they were.
func (d *Desk) ApplyErasures(ctx context.Context, marks []string) (int, error) {
	return d.eraser().Apply(ctx, marks)
}

func (a admin) erase(w http.ResponseWriter, r *http.Request) {
	var order EraseOrder
	if err := understand(r, maxAdminBody, &order); err != nil {
		a.fail(w, err)
		return
	}
	// Whoever asked may go; what was begun comes to its end.
	done, err := a.desk.eraser().Erase(context.WithoutCancel(r.Context()), orderedBy(r),
		provisioning.PersonID(order.Person), order.Reason)
	var no *provisioning.Refusal
	if errors.As(err, &no) {
		if sentence, ok := erasure.Sentence(no); ok {
			err = AdminError{string(no.Code), sentence}
		}
	}
	if errors.Is(err, erasure.ErrRewrite) {
		a.desk.log.Error("an erasure did not come to its end", "err", err)
		err = AdminError{"erase_file", "the person is erased, as " + done.ID + ", but the file could " +
			"not be written anew, and free pages of it still hold their key; the journal says why " +
			"(is the disk full?); it is tried again every hour and at every start"}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, done)
}

func (a admin) erasures(w http.ResponseWriter, r *http.Request) {
	answer(w, erasure.List(a.desk.Snapshot()))
}

// Erase has a person forgotten. A refusal is an AdminError.
func (c *Client) Erase(ctx context.Context, order EraseOrder) (erasure.Done, error) {
	var done erasure.Done
	return done, c.call(ctx, http.MethodPost, "/erase", order, &done)
}

// Erasures lists who was forgotten, by their marks.
func (c *Client) Erasures(ctx context.Context) ([]erasure.Row, error) {
	var rows []erasure.Row
	return rows, c.call(ctx, http.MethodGet, "/erasures", nil, &rows)
}
