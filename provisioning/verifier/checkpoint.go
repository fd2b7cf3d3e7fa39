package verifier

import (
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// ErrNoCheckpoint says that nothing was followed of a desk yet.
var ErrNoCheckpoint = errors.New("nothing of this desk's log was followed yet")

// Checkpoint is the newest note a desk signed of its log, as it was kept here: evidence, should the
// desk ever tell another story.
func (s *State) Checkpoint(desk string) (signed []byte, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(desk))
		switch {
		case err != nil:
			return err
		case !ok:
			return ErrUnknownDesk
		case len(row.Checkpoint) == 0:
			return ErrNoCheckpoint
		}
		signed = row.Checkpoint
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoint of desk %s: %w", desk, err)
	}
	return signed, nil
}

// Checkpoint implements Admin.
func (c *AdminClient) Checkpoint(desk string) ([]byte, error) {
	done, err := c.order(order{Act: "checkpoint", Desk: desk})
	return done.Checkpoint, err
}
