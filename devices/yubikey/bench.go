package yubikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
)

// Options of a Bench. The zero value opens every token.
type Options struct {
	// MayOpen says which devices may be opened at all; nil means all. What it refuses is listed and
	// never touched.
	MayOpen func(devices.Info) bool
	// OnlySerial, unless empty, leaves one token to use. A serial is known for sure only by asking
	// the token, so others are opened once, identified, and then left alone.
	OnlySerial string
	// Trouble, unless nil, is told when the bus cannot be listed, and with nil when it can again.
	Trouble func(error)
}

// Bench is a provisioning.Bench over one bus. It lists Yubico's devices, identifies each one once
// when it is plugged in and again after somebody used it, and lets one owner open it at a time.
type Bench struct {
	bus  devices.Bus
	opts Options

	mu      sync.Mutex
	places  []*place // in the order of plugging
	changed chan struct{}
}

var _ provisioning.Bench = (*Bench)(nil)

// NewBench returns a bench that lists nothing until it runs.
func NewBench(bus devices.Bus, opts Options) *Bench {
	return &Bench{bus: bus, opts: opts, changed: make(chan struct{})}
}

// place is one plugging.
type place struct {
	info devices.Info
	// plug is what Plugs shows; the bench's lock guards it.
	plug provisioning.Plug
	// turn is full while somebody has the device open. used says that a caller of Open has it, or
	// waits for it; the bench's lock guards it.
	turn chan struct{}
	used bool
	// known says that the token was identified and may be used; the bench's lock guards it.
	known bool
	// serial is what the token told first; forsaken says that it told another one later. The bench's
	// lock guards both.
	serial   string
	forsaken bool
	// again asks for another identification; gone is closed when it was pulled out.
	again chan struct{}
	gone  chan struct{}
}

// leaveAlone shows the place as one that is not for use; the bench's lock is held, if it has to be.
func (p *place) leaveAlone() {
	p.plug.Usable, p.plug.Why, p.plug.Info = false, provisioning.CodeTokenLeftAlone, nil
	p.plug.Err = errLeftAlone
}

// errLeftAlone stops at a device that Options exclude.
var errLeftAlone = errors.New("the desk was told to leave this device alone")

// Run watches the bus until ctx ends, and returns ctx's error once nothing of its own has a token
// open. A bus that cannot be listed is watched on: it may come back.
func (b *Bench) Run(ctx context.Context) error {
	var attendants sync.WaitGroup
	defer attendants.Wait()
	troubled := false
	return devices.Watch(ctx, b.bus, devices.PollEvery, func(infos []devices.Info, err error) {
		if b.opts.Trouble != nil && (troubled || err != nil) {
			b.opts.Trouble(err)
		}
		troubled = err != nil
		for _, p := range b.reconcile(tokensIn(infos)) {
			attendants.Go(func() { b.attend(ctx, p) })
		}
	})
}

// Plugs lists what is plugged in now, in the order of plugging.
func (b *Bench) Plugs() []provisioning.Plug {
	b.mu.Lock()
	defer b.mu.Unlock()
	plugs := make([]provisioning.Plug, len(b.places))
	for i, p := range b.places {
		plugs[i] = p.plug
	}
	return plugs
}

// Changed is closed at the next change of Plugs.
func (b *Bench) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Open takes the token over. While the bench itself is identifying it, Open waits; while another
// caller has it, the answer is ErrHeld at once.
func (b *Bench) Open(ctx context.Context, plugID string) (provisioning.Device, error) {
	p, err := b.claim(plugID)
	if err != nil {
		return nil, fmt.Errorf("open token: %w", err)
	}
	select {
	case p.turn <- struct{}{}:
	case <-p.gone:
		b.release(p)
		return nil, fmt.Errorf("open token: %w", provisioning.ErrGone)
	case <-ctx.Done():
		b.release(p)
		return nil, fmt.Errorf("open token: %w", ctx.Err())
	}
	hid, err := b.bus.Open(ctx, p.info)
	if err != nil {
		<-p.turn
		b.release(p)
		return nil, fmt.Errorf("open token: %w", mapped(err))
	}
	return &lent{Token: New(hid, p.info), giveBack: func() { b.takeBack(p) }}, nil
}

// claim marks the place as used by a caller, if it may be.
func (b *Bench) claim(plugID string) (*place, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.places, func(p *place) bool { return p.plug.ID == plugID })
	if i < 0 {
		return nil, provisioning.ErrGone
	}
	p := b.places[i]
	switch {
	case p.plug.Why == provisioning.CodeTokenNotOTP:
		return nil, provisioning.ErrNotOTP
	case p.plug.Why == provisioning.CodeTokenLeftAlone, b.opts.OnlySerial != "" && !p.known:
		return nil, errLeftAlone
	case p.forsaken:
		return nil, errUnsteady
	case p.used:
		return nil, provisioning.ErrHeld
	}
	p.used = true
	return p, nil
}

func (b *Bench) release(p *place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.used = false
}

// takeBack takes a token back that may have been changed: what was known of it no longer counts,
// and it is identified again.
func (b *Bench) takeBack(p *place) {
	b.mu.Lock()
	p.used, p.plug.Info = false, nil
	b.announce()
	b.mu.Unlock()
	<-p.turn
	select {
	case p.again <- struct{}{}:
	default:
	}
}

// lent is a token in the hands of a caller of Open.
type lent struct {
	*Token
	once     sync.Once
	giveBack func()
}

// Close gives the token back to the bench, which then asks it again what it is.
func (l *lent) Close() error {
	err := l.Token.Close()
	l.once.Do(l.giveBack)
	return err
}

// reconcile brings the places in line with what is plugged in and returns the new ones to attend
// to.
func (b *Bench) reconcile(infos []devices.Info) (attend []*place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	present := func(p *place) bool {
		return slices.ContainsFunc(infos, func(i devices.Info) bool { return i.ID == p.info.ID })
	}
	before := len(b.places)
	b.places = slices.DeleteFunc(b.places, func(p *place) bool {
		if present(p) {
			return false
		}
		close(p.gone)
		return true
	})
	moved := len(b.places) != before
	for _, info := range infos {
		known := func(p *place) bool { return p.info.ID == info.ID }
		if slices.ContainsFunc(b.places, known) {
			continue
		}
		p := b.newPlace(info)
		b.places, moved = append(b.places, p), true
		if p.plug.Usable {
			attend = append(attend, p)
		}
	}
	if moved {
		b.announce()
	}
	return attend
}

func (b *Bench) newPlace(info devices.Info) *place {
	p := &place{info: info, turn: make(chan struct{}, 1), again: make(chan struct{}, 1),
		gone: make(chan struct{})}
	p.plug = provisioning.Plug{ID: info.ID, Name: nameOf(info), Usable: true}
	switch {
	case products[info.Product].has&hasOTP == 0 || info.Interface < 0:
		p.plug.Usable, p.plug.Why = false, provisioning.CodeTokenNotOTP
		p.plug.Err = provisioning.ErrNotOTP
	case b.opts.MayOpen != nil && !b.opts.MayOpen(info), b.otherSerial(info.Serial):
		p.leaveAlone()
	}
	return p
}

// otherSerial says whether a known serial excludes a token.
func (b *Bench) otherSerial(serial string) bool {
	return b.opts.OnlySerial != "" && serial != "" && serial != b.opts.OnlySerial
}

// announce wakes who waits for a change; the lock is held.
func (b *Bench) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}
