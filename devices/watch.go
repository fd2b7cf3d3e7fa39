package devices

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// PollEvery is how often a bus is asked what is plugged in: often enough that a token is on
// screen well within half a second of its node existing, rare enough to cost nothing.
const PollEvery = 150 * time.Millisecond

// listTimeout bounds one listing: a stuck device must not hide the others for longer.
const listTimeout = 2 * time.Second

// Watch follows what is plugged in until ctx ends, and returns ctx's error. There is no hot-plug
// below us that every bus has, so it polls.
//
// changed is called from Watch's own goroutine: once after the first listing, then whenever the
// list differs from the one before. Every Info has an ID that never repeats within this Watch.
// When a listing fails, changed gets the last good list and the error, once for every different
// error text; the next good listing is reported again with a nil error.
//
// A device pulled out and put back between two polls is noticed only if its bus gives IDs of its
// own, or if what is there now describes itself differently.
func Watch(
	ctx context.Context, bus Bus, every time.Duration, changed func(infos []Info, err error),
) error {
	if every <= 0 {
		return errors.New("watch devices: the interval must be positive")
	}
	w := watcher{bus: bus, changed: changed}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		w.poll(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// watcher is what one Watch remembers between two polls.
type watcher struct {
	bus     Bus
	changed func([]Info, error)
	// raw is the last listing as the bus gave it, named the same with its IDs filled.
	raw, named []Info
	started    bool
	trouble    string
	pluggings  uint64
}

func (w *watcher) poll(ctx context.Context) {
	listing, cancel := context.WithTimeout(ctx, listTimeout)
	raw, err := w.bus.List(listing)
	cancel()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.failed(err)
	default:
		w.listed(raw)
	}
}

func (w *watcher) failed(err error) {
	if text := err.Error(); text != w.trouble {
		w.trouble = text
		w.changed(slices.Clone(w.named), fmt.Errorf("list devices: %w", err))
	}
}

func (w *watcher) listed(raw []Info) {
	raw = slices.Clone(raw)
	slices.SortFunc(raw, byPath)
	if w.started && w.trouble == "" && slices.Equal(raw, w.raw) {
		return
	}
	w.named = w.name(raw)
	w.raw, w.started, w.trouble = raw, true, ""
	w.changed(slices.Clone(w.named), nil)
}

// name gives every device of raw an ID: the bus's own, the one it already has, or a new one.
func (w *watcher) name(raw []Info) []Info {
	known := make(map[Info]string, len(w.raw))
	for i, info := range w.raw {
		known[info] = w.named[i].ID
	}
	named := slices.Clone(raw)
	for i, info := range raw {
		if info.ID != "" {
			continue
		}
		id, ok := known[info]
		if !ok {
			w.pluggings++
			id = fmt.Sprintf("%s#%d", info.Path, w.pluggings)
		}
		named[i].ID = id
	}
	return named
}

func byPath(a, b Info) int {
	if c := slices.Compare([]string{a.Path, a.ID}, []string{b.Path, b.ID}); c != 0 {
		return c
	}
	return a.Interface - b.Interface
}
