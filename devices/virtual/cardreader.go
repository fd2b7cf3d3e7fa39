package virtual

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/tokendesk/tokendesk/devices"
)

// Levels of exchange a CardReader can have (CCID 1.1 section 5.1, dwFeatures).
const (
	// FeaturesExtended: short and extended APDUs; everything is automatic.
	FeaturesExtended uint32 = 0x000400FE
	// FeaturesShort: short APDUs only.
	FeaturesShort uint32 = 0x000200FE
	// FeaturesTPDU: the host speaks T=0 and sets the parameters.
	FeaturesTPDU uint32 = 0x0001003C
	// FeaturesCharacter: the host speaks every character.
	FeaturesCharacter uint32 = 0x0000003C
)

// CardReaderOptions make a reader. The zero value is one of extended APDU level.
type CardReaderOptions struct {
	Serial   string
	Features uint32
	// T1Only says that the reader speaks only T=1 to cards.
	T1Only bool
	// Voltages makes the host choose among those of bVoltageSupport instead of the reader; Needs is
	// the one the card answers at.
	Voltages, Needs byte
	// MaxMessage is the longest message, header included; 0 is 271, what a short command takes.
	MaxMessage int
	// Deaf is a reader without an interrupt endpoint.
	Deaf bool
}

// ReaderFault is what goes wrong with a reader. Counts go down as they are used up.
type ReaderFault struct {
	// Mute: so many commands are answered with nothing at all.
	Mute int
	// WrongSequence: so many answers are preceded by one with another sequence number.
	WrongSequence int
	// Short: so many answers are shorter than they say.
	Short int
	// Extend: before each answer the reader asks so often for more time, as often as Extensions.
	Extend int
	// MuteCard: so many power-ups the card does not answer.
	MuteCard int
	// Broken: so many exchanges end in a hardware error.
	Broken int
	// PullCardAfter takes the card out after so many commands; UnplugAfter pulls the reader.
	PullCardAfter, UnplugAfter int
	// Busy is a reader that another program holds; Forbidden one whose node udev has not come to.
	Busy, Forbidden bool
}

// CardReader is a software smart-card reader with one slot. It is plugged into CardReaders, or into
// a kernel's bus by USB.
type CardReader struct {
	opts CardReaderOptions

	mu      sync.Mutex
	changed signal
	card    *SmartCard
	powered bool
	ready   bool // parameters were set, where the host has to
	t0      *T0Card
	// plugging is 0 while the reader is not plugged in; gone is closed when it is over.
	plugging uint64
	gone     chan struct{}
	port     int
	holder   *readerLink
	// unseen says that the host has not looked since the card came or went.
	unseen bool
	// in are messages for the host, event that the slot changed since it was last told.
	in    [][]byte
	event bool
	// command and response are parts of a chain; partial is a message on its way in.
	command, response []byte
	partial           []byte
	fault             ReaderFault
}

// NewCardReader makes a reader without a card.
func NewCardReader(o CardReaderOptions) *CardReader {
	if o.Features == 0 {
		o.Features = FeaturesExtended
	}
	if o.Voltages != 0 {
		o.Features &^= 0x08
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 271
	}
	return &CardReader{opts: o}
}

// Misbehave makes the reader go wrong from now on, or well again.
func (r *CardReader) Misbehave(f ReaderFault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// Put lays a card into the slot, in place of what was there.
func (r *CardReader) Put(c *SmartCard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
	r.card, r.event, r.unseen = c, true, true
	r.changed.notify()
}

// Take takes the card out.
func (r *CardReader) Take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
}

// take is Take with the lock held.
func (r *CardReader) take() {
	if r.card == nil {
		return
	}
	r.card, r.powered, r.ready, r.event, r.unseen = nil, false, false, true, true
	r.command, r.response, r.t0 = nil, nil, nil
	r.changed.notify()
}

// Changed returns a channel that is closed at the next change of anything about the reader. Take it
// before looking.
func (r *CardReader) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed.wait()
}

// Noticed waits until the host has looked into the slot since the card last came or went.
func (r *CardReader) Noticed(ctx context.Context) error {
	for {
		r.mu.Lock()
		changed, unseen := r.changed.wait(), r.unseen
		r.mu.Unlock()
		if !unseen {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the host to look: %w", late(ctx))
		}
	}
}

// Plugged says whether the reader is plugged in.
func (r *CardReader) Plugged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plugging != 0
}

// unplug is the end of everything that was under way. The caller has the lock.
func (r *CardReader) unplug() {
	if r.plugging == 0 {
		return
	}
	close(r.gone)
	r.plugging, r.powered, r.ready, r.holder = 0, false, false, nil
	r.in, r.event, r.command, r.response, r.partial = nil, false, nil, nil, nil
	r.changed.notify()
}

// await waits until take has something, or ctx ends, or this plugging is over.
func (r *CardReader) await(
	ctx context.Context, plugging uint64, take func() []byte,
) ([]byte, error) {
	for {
		r.mu.Lock()
		changed := r.changed.wait()
		gone := r.plugging != plugging
		var got []byte
		if !gone {
			got = take()
		}
		r.mu.Unlock()
		switch {
		case gone:
			return nil, devices.ErrUnplugged
		case got != nil:
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, late(ctx)
		}
	}
}

// tell gives the event that is due, if any: bit 0 says that there is a card, bit 1 that the slot
// changed (CCID 1.1 section 6.3.1). The caller has the lock.
func (r *CardReader) tell() []byte {
	if !r.event {
		return nil
	}
	r.event = false
	if r.card != nil {
		return []byte{0x50, 0x03}
	}
	return []byte{0x50, 0x02}
}

// next takes the oldest message for the host. The caller has the lock.
func (r *CardReader) next() []byte {
	if len(r.in) == 0 {
		return nil
	}
	message := r.in[0]
	r.in = r.in[1:]
	return message
}

// strike counts a fault down and says whether it strikes.
func strike(count *int) bool {
	if *count == 0 {
		return false
	}
	*count--
	return true
}

// hear is a whole message from the host, or a part of one. The caller has the lock.
func (r *CardReader) hear(packet []byte) {
	r.partial = append(r.partial, packet...)
	if len(r.partial) < ccidHeader {
		return
	}
	whole := ccidHeader + int(binary.LittleEndian.Uint32(r.partial[1:]))
	if len(r.partial) < whole && len(r.partial) < r.opts.MaxMessage {
		return
	}
	message := r.partial
	r.partial = nil
	if strike(&r.fault.Mute) {
		return
	}
	r.in = append(r.in, r.spoilt(r.handle(message))...)
	if n := r.fault.PullCardAfter; n > 0 {
		if r.fault.PullCardAfter--; n == 1 {
			r.take()
		}
	}
	if n := r.fault.UnplugAfter; n > 0 {
		if r.fault.UnplugAfter--; n == 1 {
			r.unplug()
		}
	}
	r.changed.notify()
}

// spoilt puts the faults around an answer.
func (r *CardReader) spoilt(answer []byte) (all [][]byte) {
	if strike(&r.fault.WrongSequence) {
		stale := append([]byte(nil), answer...)
		stale[6]--
		all = append(all, stale)
	}
	for range r.fault.Extend {
		more := make([]byte, ccidHeader)
		more[0], more[5], more[6], more[7], more[8] = answer[0], answer[5], answer[6], 0x80, 1
		all = append(all, more)
	}
	if strike(&r.fault.Short) {
		answer = answer[:len(answer)-1]
	}
	return append(all, answer)
}
