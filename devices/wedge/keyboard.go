package wedge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// Settings of a reader that types.
type Settings struct {
	// Name is what taps and messages call the reader.
	Name   string
	Device Selector
	Field  Field
	Number devices.NumberFormat
	// Layout and Pause may be left out: a US keyboard, DefaultPause.
	Layout Layout
	Pause  time.Duration
}

// teller checks what the kinds of readers have in common.
func (s *Settings) teller() (*teller, error) {
	rule, err := s.Field.Compile()
	if s.Pause == 0 {
		s.Pause = DefaultPause
	}
	if s.Pause < 10*time.Millisecond || s.Pause > 5*time.Second {
		err = errors.Join(err, errors.New("pause: it is from 10 ms to 5 s"))
	}
	if err := errors.Join(err, s.Number.Check(), s.Layout.check()); err != nil {
		return nil, fmt.Errorf("reader %s: %w", s.Name, err)
	}
	return &teller{name: s.Name, rule: rule, number: s.Number}, nil
}

// Keyboard is a reader that types, held by its event nodes. While it is held, nothing else on the
// machine hears it: no input client, and not the console. New it with NewKeyboard.
type Keyboard struct {
	settings Settings
	teller   *teller
	keeper   keeper
}

var _ devices.TapSource = (*Keyboard)(nil)

// NewKeyboard checks the settings. Nothing is opened before Run.
func NewKeyboard(s Settings) (*Keyboard, error) {
	t, err := s.teller()
	if err != nil {
		return nil, err
	}
	return &Keyboard{settings: s, teller: t}, nil
}

// Name implements devices.TapSource.
func (k *Keyboard) Name() string { return k.settings.Name }

// Up implements devices.TapSource.
func (k *Keyboard) Up() bool { return k.keeper.up() }

// Trouble is why a reader that is plugged in cannot be held, or nil.
func (k *Keyboard) Trouble() error { return k.keeper.trouble() }

// Dropped counts the scans that gave no number, by their reason.
func (k *Keyboard) Dropped() map[Drop]uint64 { return k.teller.tally.read() }

// Run implements devices.TapSource.
func (k *Keyboard) Run(ctx context.Context, taps chan<- devices.Tap) error {
	return k.keeper.run(ctx, func(context.Context) (places []place, err error) {
		for _, node := range eventNodes(k.settings.Device, sysInput, inputDir) {
			places = append(places, place{node, func(ctx context.Context, up func()) error {
				return k.hold(ctx, node, up, taps)
			}})
		}
		return places, nil
	})
}

// hold takes one node away from everybody else until it is gone.
func (k *Keyboard) hold(
	ctx context.Context, path string, up func(), taps chan<- devices.Tap,
) error {
	node, err := grab(path)
	if err != nil {
		return err
	}
	defer node.Close()
	// Closing is what ends a read. The grab ends with it.
	stop := context.AfterFunc(ctx, func() { _ = node.Close() })
	defer stop()
	up()
	a := newAssembly(k.settings.Layout, k.settings.Pause, monotonic())
	for {
		if err := k.turn(ctx, node, a, taps); err != nil {
			return err
		}
	}
}

// turn reads once and tells what ended.
func (k *Keyboard) turn(
	ctx context.Context, node *grabbed, a *assembly, taps chan<- devices.Tap,
) error {
	wait := time.Duration(0)
	if a.begun {
		wait = a.pause
	}
	events, err := node.read(wait)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if s, ended := a.quiet(monotonic()); ended {
			k.tell(ctx, taps, s)
		}
		return nil
	case errors.Is(err, errLost):
		a.torn(monotonic())
		return nil
	case err != nil:
		return err
	}
	for _, e := range events {
		if s, ended := a.take(e); ended {
			k.tell(ctx, taps, s)
		}
	}
	clear(events)
	return nil
}

// tell cuts the field out of a scan.
func (k *Keyboard) tell(ctx context.Context, taps chan<- devices.Tap, s scan) {
	if s.drop != "" {
		k.teller.tell(ctx, taps, s.text, nil, s.drop)
		return
	}
	field, err := k.teller.rule.Extract(s.text)
	k.teller.tell(ctx, taps, s.text, field, err)
}

// errLost says that the kernel dropped events because nobody read them in time.
var errLost = errors.New("events were lost")
