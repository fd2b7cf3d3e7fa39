package daemon

import (
	"context"
	"fmt"
	"time"
)

// tellFor is how long the pages that are open have to hear that the disk failed.
const tellFor = time.Second

// broken is the way a desk ends whose disk failed: nothing is known of the last commit, so the file
// must be read anew by a new start.
type broken struct {
	why  error
	over chan struct{}
}

// commit stands around each commit.
func (d *Desk) commit(commit func() error) error {
	if own := d.parts.commit; own != nil {
		return d.metrics.timed(func() error { return own(commit) })
	}
	return d.metrics.timed(commit)
}

// fail is what the store calls, once.
func (d *Desk) fail(err error) {
	if d.parts.Fatal != nil {
		d.parts.Fatal(err)
	}
	if d.kiosk != nil {
		d.kiosk.Down()
	}
	if d.self != nil {
		d.self.Down()
	}
	d.broken.why = err
	close(d.broken.over)
}

// untilBroken ends the desk when its disk failed and the pages were told.
func (d *Desk) untilBroken(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.broken.over:
	}
	select {
	case <-ctx.Done():
	case <-time.After(tellFor):
	}
	return fmt.Errorf("the desk cannot write to its disk: %w", d.broken.why)
}
