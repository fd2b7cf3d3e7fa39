package devices

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Why says in one word why a card that was noticed gave no number. The words are codes: the screen
// has a sentence for each.
type Why string

// Why a card gave no number. The zero value is a card that gave one.
const (
	// WhyRandom: the card makes a new number up at every tap.
	WhyRandom Why = "card_random"
	// WhyChecksum: the number was read wrongly.
	WhyChecksum Why = "card_checksum"
	// WhyForeign: the card has no number where this site's cards have theirs.
	WhyForeign Why = "card_foreign"
	// WhyUnreadable: the card or the reader broke off.
	WhyUnreadable Why = "card_unreadable"
)

// Whys lists them.
func Whys() []Why { return []Why{WhyRandom, WhyChecksum, WhyForeign, WhyUnreadable} }

// WhyNumber is the word for an error of NumberFormat.
func WhyNumber(err error) Why {
	if errors.Is(err, ErrNumberChecksum) {
		return WhyChecksum
	}
	return WhyForeign
}

// Tap is the signal a card reader gives when a card is laid on it: real readers and the virtual
// one speak it. It says who a card claims to be: a number is sent in clear and can be copied.
type Tap struct {
	// Reader is the name of the source.
	Reader string
	// Number is the card number, letters and digits only; empty where Why says why there is none.
	Number string
	Why    Why
}

// TapSource is one thing that cards are laid on or drawn through. It finds its own device, and
// waits for one that is not plugged in.
type TapSource interface {
	// Name is what taps and messages call it.
	Name() string
	// Run gives taps until ctx ends, and returns ctx's error then. It returns no error of a device:
	// one that is pulled or held by another program is waited for.
	Run(ctx context.Context, taps chan<- Tap) error
	// Up says that a card laid on it now would be noticed. It may be asked at any time. A source that
	// can say why not has a method Trouble() error besides.
	Up() bool
}

// upEvery is how often the sources of a set are asked whether they are up.
const upEvery = 250 * time.Millisecond

// TapSet is several sources as one. New it with NewTapSet.
type TapSet struct {
	sources []TapSource
	taps    chan Tap

	mu      sync.Mutex
	up      []bool
	changed chan struct{}
}

// NewTapSet merges sources. Nothing runs yet.
func NewTapSet(sources ...TapSource) *TapSet {
	return &TapSet{sources: sources, taps: make(chan Tap), up: make([]bool, len(sources)),
		changed: make(chan struct{})}
}

// Taps is where the cards are noticed, in their order.
func (s *TapSet) Taps() <-chan Tap { return s.taps }

// Any says that there is a source at all.
func (s *TapSet) Any() bool { return len(s.sources) > 0 }

// Sources are what the set is made of, in their order.
func (s *TapSet) Sources() []TapSource { return slices.Clone(s.sources) }

// Up says that there is a source, and that none is down.
func (s *TapSet) Up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.up) > 0 && !slices.Contains(s.up, false)
}

// Down names the sources that are down, each with its trouble where it can say so, or nil.
func (s *TapSet) Down() map[string]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	down := map[string]error{}
	for i, up := range s.up {
		if up {
			continue
		}
		down[s.sources[i].Name()] = nil
		if says, ok := s.sources[i].(interface{ Trouble() error }); ok {
			down[s.sources[i].Name()] = says.Trouble()
		}
	}
	return down
}

// Changed is closed at the next change of what Up or Down say. Take it before asking.
func (s *TapSet) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Run runs every source until ctx ends. A source that ends by itself stays down.
func (s *TapSet) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, source := range s.sources {
		// Sources return no errors of devices: all that ends them is ctx.
		running.Go(func() { _ = source.Run(ctx, s.taps) })
	}
	tick := time.NewTicker(upEvery)
	defer tick.Stop()
	for {
		s.look()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look asks every source.
func (s *TapSet) look() {
	now := make([]bool, len(s.sources))
	for i, source := range s.sources {
		now[i] = source.Up()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Equal(now, s.up) {
		return
	}
	s.up = now
	close(s.changed)
	s.changed = make(chan struct{})
}
