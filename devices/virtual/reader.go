package virtual

import (
	"context"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// Reader is a card reader on which cards are laid by calling Tap.
type Reader struct {
	name string
	taps chan devices.Tap
}

// NewReader returns a reader with nothing on it.
func NewReader(name string) *Reader {
	return &Reader{name: name, taps: make(chan devices.Tap)}
}

// Tap lays the card with that printed number on the reader and waits until somebody took notice.
func (r *Reader) Tap(ctx context.Context, number string) error {
	select {
	case r.taps <- devices.Tap{Reader: r.name, Number: number}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("tap card: %w", ctx.Err())
	}
}

// Taps is where the cards are noticed, in their order.
func (r *Reader) Taps() <-chan devices.Tap { return r.taps }
