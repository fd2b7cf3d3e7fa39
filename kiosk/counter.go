package kiosk

import (
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// idleReady locks an unlocked desk that nobody uses; a visit has its own deadline in its row.
const idleReady = 3 * time.Minute

// hands says who may use the screen now: an officer, a person on the turned screen, or nobody.
type hands struct {
	// Owner is the session an officer unlocked, with the officer.
	Owner   string
	Officer provisioning.OfficerID
	// Facing is the session of the turned screen, with the one visit it may see.
	Facing string
	Visit  provisioning.VisitID
	// Until is when an unlocked desk without a visit locks.
	Until time.Time
	// Note is what became of the last card tap, if it opened no visit.
	Note *provisioning.Refusal
}

// hold says whether the counter is in the hands of this session.
func (h hands) hold(id string) bool { return id != "" && (id == h.Owner || id == h.Facing) }

// counter is the one place where people stand. Its zero hands are a locked screen.
type counter struct {
	mu    sync.Mutex
	hands hands
	moved chan struct{}
}

func newCounter() *counter { return &counter{moved: make(chan struct{})} }

// now returns who holds the counter.
func (c *counter) now() hands {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hands
}

// changed is closed at the next change of hands, deadline or note.
func (c *counter) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// take gives the counter to h; whoever held it before is locked out.
func (c *counter) take(h hands) { c.edit(func(old *hands) { *old = h }) }

// lock empties the counter if it is still in the hands it was decided for.
func (c *counter) lock(from hands) {
	c.edit(func(h *hands) {
		if h.Owner == from.Owner && h.Facing == from.Facing {
			*h = hands{}
		}
	})
}

// active moves the deadline of an unlocked desk.
func (c *counter) active(at time.Time) {
	c.edit(func(h *hands) {
		if h.Owner != "" {
			h.Until = at.Add(idleReady)
		}
	})
}

// tell leaves a note about a card tap; nil takes it away.
func (c *counter) tell(note *provisioning.Refusal) { c.edit(func(h *hands) { h.Note = note }) }

func (c *counter) edit(change func(*hands)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.hands)
	close(c.moved)
	c.moved = make(chan struct{})
}
