package wedge

import (
	"context"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// A place is one device that is there now. hold keeps it until it is gone or ctx ends, and calls up
// once it has it. Only while it is held does it give taps.
type place struct {
	id   string
	hold func(ctx context.Context, up func()) error
}

// keeper holds every device that a finder finds, from the moment it is there to when it is pulled out,
// and again after that.
type keeper struct {
	mu    sync.Mutex
	known map[string]*holding
	err   error // of the last look
}

// holding is what a keeper knows of one place.
type holding struct {
	running, up bool
	err         error // why it could not be held the last time
}

// run holds until ctx ends, and returns ctx's error when nothing is held any more.
func (k *keeper) run(
	ctx context.Context, find func(ctx context.Context) ([]place, error),
) error {
	var holders sync.WaitGroup
	defer holders.Wait()
	tick := time.NewTicker(devices.PollEvery)
	defer tick.Stop()
	for {
		places, err := find(ctx)
		for _, p := range k.look(places, err) {
			holders.Go(func() {
				k.ended(p.id, p.hold(ctx, func() { k.raised(p.id) }))
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look compares what is there with what is known, and returns the places to hold.
func (k *keeper) look(places []place, err error) (todo []place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err = err; err != nil {
		return nil // what is held stays held
	}
	there := map[string]bool{}
	for _, p := range places {
		there[p.id] = true
		h := k.known[p.id]
		if h == nil {
			h = &holding{}
			if k.known == nil {
				k.known = map[string]*holding{}
			}
			k.known[p.id] = h
		}
		if !h.running {
			h.running = true
			todo = append(todo, p)
		}
	}
	for id, h := range k.known {
		if !there[id] && !h.running {
			delete(k.known, id)
		}
	}
	return todo
}

func (k *keeper) raised(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[id].up, k.known[id].err = true, nil
}

func (k *keeper) ended(id string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.known[id]
	h.running, h.up, h.err = false, false, err
}

// up says that something is held, and nothing that is there is not.
func (k *keeper) up() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.known {
		if !h.up {
			return false
		}
	}
	return len(k.known) > 0 && k.err == nil
}

// trouble is why a device that is there is not held, or why nobody can look.
func (k *keeper) trouble() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.known {
		if !h.up && h.err != nil {
			return h.err
		}
	}
	return k.err
}
