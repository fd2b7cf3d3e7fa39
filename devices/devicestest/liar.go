package devicestest

import (
	"context"
	"sync/atomic"

	"github.com/tokendesk/tokendesk/devices/usbip"
)

// Liar is a USB device that lies: an honest one, and what is told in place of its answers. It is
// here, where only tests may import it, because nothing that runs at a desk has a use for it.
type Liar struct {
	usbip.Device
	// Answer is told for a request on endpoint 0; nil tells the truth. Descriptors are whole here,
	// and cut to what the host asked for afterwards. Other answers may be longer than that.
	Answer func(ctx context.Context, setup usbip.Setup, truth []byte, err error) ([]byte, error)
	// Send is told for a transfer from another endpoint; nil tells the truth, for which truth asks
	// the device and waits.
	Send func(ctx context.Context, endpoint uint8, truth func() ([]byte, error)) ([]byte, error)
}

// getDescriptor is a standard request (USB 2.0 table 9-4).
const getDescriptor = 6

// Control implements usbip.Device.
func (l *Liar) Control(ctx context.Context, setup usbip.Setup, out []byte) ([]byte, error) {
	if l.Answer == nil {
		return l.Device.Control(ctx, setup, out)
	}
	whole := setup
	descriptor := setup.RequestType&0x80 != 0 && setup.Request == getDescriptor
	if descriptor {
		whole.Length = 1<<16 - 1
	}
	truth, err := l.Device.Control(ctx, whole, out)
	lie, err := l.Answer(ctx, setup, truth, err)
	if descriptor {
		lie = lie[:min(len(lie), int(setup.Length))]
	}
	return lie, err
}

// In implements usbip.Device.
func (l *Liar) In(ctx context.Context, endpoint uint8, length int) ([]byte, error) {
	truth := func() ([]byte, error) { return l.Device.In(ctx, endpoint, length) }
	if l.Send == nil {
		return truth()
	}
	return l.Send(ctx, endpoint|0x80, truth)
}

// Faces is a device that is another one each time it is asked: all of them hear every request, and
// the next one answers from each reset of an exchange on (ykdef.h: the dummy write, 8F).
type Faces struct {
	usbip.Device
	// Others are of the same kind as Device.
	Others []usbip.Device

	turn atomic.Uint32
}

// Control implements usbip.Device.
func (f *Faces) Control(ctx context.Context, setup usbip.Setup, out []byte) ([]byte, error) {
	if len(out) == 8 && out[7] == 0x8F {
		f.turn.Add(1)
	}
	answer, err := f.Device.Control(ctx, setup, out)
	at := int(f.turn.Load()) % (1 + len(f.Others))
	for i, other := range f.Others {
		if said, failed := other.Control(ctx, setup, out); i+1 == at {
			answer, err = said, failed
		}
	}
	return answer, err
}
