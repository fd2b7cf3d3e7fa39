package daemon

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/wedge"
)

// openReaders makes one of all the sources of taps that a desk has. Nothing is opened.
func openReaders(p Parts) (*devices.TapSet, error) {
	sources, err := p.Config.tapSources(readerBuses{cards: p.ReaderBus, hid: p.Bus})
	if err != nil {
		return nil, err
	}
	return devices.NewTapSet(append(sources, p.Readers...)...), nil
}

// runReaders reads cards until ctx ends, and says in the journal which reader is down and which is
// up again.
func (d *Desk) runReaders(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.readers.Run(ctx) })
	group.Go(func() error {
		started := time.After(readerPatience)
		for {
			changed := d.readers.Changed()
			select {
			case <-changed:
			case <-started: // one that was never up never changed
			case <-ctx.Done():
				return ctx.Err()
			}
			d.sayReaders()
		}
	})
	return group.Wait()
}

// readerPatience is how long the readers may take to be opened when the desk starts.
const readerPatience = 5 * time.Second

func (d *Desk) sayReaders() {
	for name, trouble := range d.readers.Down() {
		d.log.Warn("a card reader is down", "reader", name, "reason", whyDown(trouble))
	}
	if d.readers.Up() {
		d.log.Info("every card reader is up")
	}
}

// whyDown says in words what keeps a reader from being up.
func whyDown(trouble error) string {
	switch {
	case trouble == nil || errors.Is(trouble, devices.ErrUnplugged):
		return "it is not there"
	case errors.Is(trouble, devices.ErrBusy):
		return "another program holds it; is pcscd running?"
	case errors.Is(trouble, devices.ErrPermission):
		return "no permission to open it; is the udev rule in place?"
	}
	return trouble.Error()
}

// ReaderRow is one card reader, as the operator sees it.
type ReaderRow struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	// Why it is down; empty while it is up.
	Why string `json:"why,omitempty"`
	// Dropped counts the scans that gave no number, by their reason, where the reader counts them.
	Dropped map[string]uint64 `json:"dropped,omitempty"`
}

// readerRows lists the readers in the order of the configuration.
func readerRows(readers *devices.TapSet) []ReaderRow {
	rows, down := []ReaderRow{}, readers.Down()
	for _, source := range readers.Sources() {
		row := ReaderRow{Name: source.Name()}
		if trouble, is := down[row.Name]; is {
			row.Why = whyDown(trouble)
		}
		row.Up = row.Why == ""
		if counts, ok := source.(interface{ Dropped() map[wedge.Drop]uint64 }); ok {
			row.Dropped = map[string]uint64{}
			for why, n := range counts.Dropped() {
				row.Dropped[string(why)] = n
			}
		}
		rows = append(rows, row)
	}
	return rows
}
