package daemon

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/devices"
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
		reason := "it is not there"
		switch {
		case errors.Is(trouble, devices.ErrBusy):
			reason = "another program holds it; is pcscd running?"
		case errors.Is(trouble, devices.ErrPermission):
			reason = "no permission to open it; is the udev rule in place?"
		case trouble != nil && !errors.Is(trouble, devices.ErrUnplugged):
			reason = trouble.Error()
		}
		d.log.Warn("a card reader is down", "reader", name, "reason", reason)
	}
	if d.readers.Up() {
		d.log.Info("every card reader is up")
	}
}
