package ccid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// Times of a reader that is watched.
const (
	// lookEvery is how often a slot is looked into, and an absent reader looked for.
	lookEvery = 200 * time.Millisecond
	// readTime bounds the reading of one card.
	readTime = 10 * time.Second
	// tries is how often a card that answers badly is read before that is said: a card that is
	// still on its way down does so.
	tries = 3
	// giveTime is how long a tap waits for somebody to take notice.
	giveTime = time.Second
	// maxTrouble is how many looks on end may go wrong before the reader is opened anew.
	maxTrouble = 3
)

// Match says which reader a Reader may use. Its zero value is any.
type Match struct {
	// Vendor and Product are the USB ids, 0 for any.
	Vendor, Product uint16
	// Serial is the serial number as the reader has it, Model a part of its name.
	Serial, Model string
	// Interface is the USB interface of a reader that has several, or -1 for any.
	Interface int
	// Tokens are USB vendors whose devices are taken only where Vendor names them: a security
	// token has a reader with a card that cannot be taken out.
	Tokens []uint16
}

func (m Match) fits(info devices.Info) bool {
	name := strings.ToLower(info.Manufacturer + " " + info.Name)
	any := m.Vendor == 0 && !slices.Contains(m.Tokens, info.Vendor)
	return (any || m.Vendor == info.Vendor) &&
		(m.Product == 0 || m.Product == info.Product) &&
		(m.Serial == "" || m.Serial == info.Serial) &&
		(m.Interface < 0 || m.Interface == info.Interface) &&
		strings.Contains(name, strings.ToLower(m.Model))
}

// Options are what a Reader is told by the site.
type Options struct {
	// Name is what its taps are said to come from.
	Name  string
	Match Match
	// Slot is the slot of a reader that has several, from 0.
	Slot   int
	Place  Place
	Format devices.NumberFormat
}

// Reader reads the number of every card laid on one reader. It finds the reader, also when that is
// plugged in later, elsewhere or again.
type Reader struct {
	bus     devices.ReaderBus
	options Options

	mu sync.Mutex
	// trouble is why no card can be read now; nil when the reader is open and well.
	trouble error
}

var _ devices.TapSource = (*Reader)(nil)

// New checks the options. It opens nothing.
func New(bus devices.ReaderBus, o Options) (*Reader, error) {
	if err := errors.Join(o.Place.Check(), o.Format.Check()); err != nil {
		return nil, fmt.Errorf("card reader %s: %w", o.Name, err)
	}
	return &Reader{bus: bus, options: o, trouble: errors.New("not started")}, nil
}

// Name implements devices.TapSource.
func (r *Reader) Name() string { return r.options.Name }

// Up implements devices.TapSource.
func (r *Reader) Up() bool { return r.Trouble() == nil }

// Trouble is why no card can be read now, or nil. It wraps devices.ErrBusy where another program
// holds the reader.
func (r *Reader) Trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

func (r *Reader) set(trouble error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = trouble
}

// Run implements devices.TapSource.
func (r *Reader) Run(ctx context.Context, taps chan<- devices.Tap) error {
	for {
		err := r.session(ctx, taps)
		if ctx.Err() == nil {
			r.set(err)
		}
		select {
		case <-ctx.Done():
			r.set(ctx.Err())
			return ctx.Err()
		case <-time.After(pause(err)):
		}
	}
}

// pause is how long after a session that ended so the next one begins.
func pause(err error) time.Duration {
	switch {
	case errors.Is(err, devices.ErrUnsupported):
		return 5 * time.Second // only another reader helps
	case errors.Is(err, devices.ErrBusy):
		return time.Second
	}
	return lookEvery
}

// session opens the first reader that fits and may be had, and reads cards until that ends.
func (r *Reader) session(ctx context.Context, taps chan<- devices.Tap) (err error) {
	link, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closed := link.Close(); closed != nil && err == nil {
			err = closed
		}
	}()
	slot, err := NewSlot(link, r.options.Slot)
	if err != nil {
		return err
	}
	w := &watch{reader: r, slot: slot, taps: taps}
	return w.run(ctx)
}

// open takes the first reader that fits. One that is held by somebody else does not keep it from
// the next.
func (r *Reader) open(ctx context.Context) (devices.CCID, error) {
	infos, err := r.bus.ListReaders(ctx)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("no such reader: %w", devices.ErrUnplugged)
	for _, info := range infos {
		if !r.options.Match.fits(info) {
			continue
		}
		var link devices.CCID
		if link, err = r.bus.OpenReader(ctx, info); err == nil {
			return link, nil
		}
	}
	return nil, err
}

// watch is one opening of a reader.
type watch struct {
	reader *Reader
	slot   *Slot
	taps   chan<- devices.Tap
	// lying says that a card lies there, which gave last.
	lying bool
	last  devices.Tap
	// deaf says that the reader does not tell when something changes.
	deaf bool
	// trouble counts the looks that went wrong on end.
	trouble int
}

// run looks into the slot at every event, and in between, until the reader is gone or beyond help.
func (w *watch) run(ctx context.Context) error {
	defer w.leave()
	changed := false
	for {
		err := w.look(ctx, changed)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, devices.ErrUnplugged):
			return err
		case err != nil:
			if w.trouble++; w.trouble >= maxTrouble {
				return err
			}
		default:
			w.trouble = 0
			w.reader.set(nil)
		}
		if changed, err = w.wait(ctx); err != nil {
			return err
		}
	}
}

// leave takes the power from a card that lies there.
func (w *watch) leave() {
	if w.slot.card != nil {
		_ = w.slot.card.Close() // a reader that is gone has no power to take.
	}
}

// wait waits for an event of the slot, or for the next look.
func (w *watch) wait(ctx context.Context) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if !w.deaf {
		changed, err = w.slot.Changed(ctx)
		switch {
		case err == nil, errors.Is(err, devices.ErrUnplugged):
			return changed, err
		case errors.Is(err, context.Canceled):
			return false, nil
		}
		w.deaf = true // it cannot tell, or not rightly; looking is enough
	}
	<-ctx.Done()
	return false, nil
}

// look finds out whether a card came or went. A card that kept its power is the one that was there,
// unless the reader said that something changed; then, and when it lost its power, it is read again,
// and is news if it gives something else.
func (w *watch) look(ctx context.Context, changed bool) error {
	present, powered, err := w.slot.Present(ctx)
	switch {
	case err != nil:
		return err
	case !present:
		w.lying = false
		return nil
	case w.lying && powered && !changed:
		return nil
	}
	tap, err := w.read(ctx)
	if err != nil {
		w.lying = w.lying && !errors.Is(err, ErrNoCard)
		if errors.Is(err, ErrNoCard) {
			return nil // it was pulled while it was read, which everybody may do
		}
		return err
	}
	if w.lying && tap == w.last {
		return nil
	}
	w.lying, w.last = w.give(ctx, tap), tap
	return nil
}

// give says whether somebody took notice of the tap. A card that nobody wanted to know of is read
// again, if it still lies there: nothing waits in a queue until it is stale.
func (w *watch) give(ctx context.Context, tap devices.Tap) bool {
	select {
	case w.taps <- tap:
		return true
	case <-time.After(giveTime):
	case <-ctx.Done():
	}
	return false
}

// read makes a tap of the card. Its errors are that the card has gone, or the reader.
func (w *watch) read(ctx context.Context) (devices.Tap, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	tap := devices.Tap{Reader: w.reader.options.Name}
	for try := 1; ; try++ {
		number, err := w.number(ctx)
		why := whyOf(err)
		switch {
		case err == nil:
			tap.Number = number
			return tap, nil
		case errors.Is(err, ErrNoCard), errors.Is(err, devices.ErrUnplugged), ctx.Err() != nil:
			return tap, err
		case why == devices.WhyUnreadable && try < tries:
			// What was still being said is over, and a card that has gone shows.
			if present, _, err := w.slot.Present(ctx); err != nil {
				return tap, err
			} else if !present {
				return tap, ErrNoCard
			}
		default:
			tap.Why = why
			return tap, nil
		}
	}
}

// number powers the card and reads it. The card keeps its power, so that a look tells whether it is
// still the same.
func (w *watch) number(ctx context.Context) (string, error) {
	card, err := w.slot.PowerOn(ctx)
	if err != nil {
		return "", err
	}
	return Number(ctx, card, w.reader.options.Place, w.reader.options.Format)
}

// whyOf is the word for an error of Number.
func whyOf(err error) devices.Why {
	for _, is := range []struct {
		err error
		why devices.Why
	}{
		{ErrRandom, devices.WhyRandom}, {ErrForeign, devices.WhyForeign},
		{devices.ErrNumberChecksum, devices.WhyChecksum},
		{devices.ErrNumberShape, devices.WhyForeign}, {devices.ErrNumberEmpty, devices.WhyForeign},
		{devices.ErrNumberCharacters, devices.WhyForeign}, {devices.ErrUnsupported, devices.WhyForeign},
	} {
		if errors.Is(err, is.err) {
			return is.why
		}
	}
	return devices.WhyUnreadable
}
