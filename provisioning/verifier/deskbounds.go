package verifier

import (
	"fmt"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// SetBounds replaces what a desk may do, and nothing else: its card, its alarm and a revocation
// stay as they are.
func (v *Verifier) SetBounds(desk string, bounds Bounds) error {
	err := v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(desk))
		switch {
		case err != nil:
			return err
		case !ok:
			return ErrUnknownDesk
		}
		row.Bounds = bounds
		return save(tx, deskTable, []byte(desk), row)
	})
	if err != nil {
		return fmt.Errorf("set the bounds of desk %s: %w", desk, err)
	}
	return nil
}

// SetBounds implements Admin.
func (c *AdminClient) SetBounds(desk string, bounds Bounds) error {
	_, err := c.order(order{Act: "set-bounds", Desk: desk, Bounds: bounds})
	return err
}
