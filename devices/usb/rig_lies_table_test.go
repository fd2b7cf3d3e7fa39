//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices/devicestest"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// lie is one device that lies. Its vendor is always true, so that our drivers are interested.
type lie struct {
	kind, name string
	// byReader is told by a card reader, else a token lies. Faces are how many tokens are behind it.
	byReader bool
	faces    int
	// never says that the device must not be shown as one that can be used, nor be written.
	never bool
	// liar is nil for a token of many faces.
	liar func(honest usbip.Device) *devicestest.Liar
	// messages are told one after the other, while the reader is open.
	messages []message
}

// message makes of a true message of an endpoint another one.
type message struct {
	name     string
	endpoint uint8
	change   func(truth []byte) []byte
}

// Types of descriptors (USB 2.0 table 9-5, HID 1.11 section 7.1).
const (
	ofDevice, ofConfiguration, ofString, ofReports = 1, 2, 3, 0x22
)

// descriptor tells another descriptor of a type than the true one; nil is refused.
func descriptor(
	kind byte, change func(d []byte, index byte) []byte,
) func(usbip.Device) *devicestest.Liar {
	return func(honest usbip.Device) *devicestest.Liar {
		return &devicestest.Liar{Device: honest, Answer: func(_ context.Context, s usbip.Setup,
			truth []byte, err error,
		) ([]byte, error) {
			if s.Request != 6 || byte(s.Value>>8) != kind || err != nil {
				return truth, err
			}
			if truth = change(slices.Clone(truth), byte(s.Value)); truth == nil {
				return nil, usbip.ErrStall
			}
			return truth, nil
		}}
	}
}

// whole is descriptor for one that has no index.
func whole(kind byte, change func(d []byte) []byte) func(usbip.Device) *devicestest.Liar {
	return descriptor(kind, func(d []byte, _ byte) []byte { return change(d) })
}

// setAt puts bytes at a place.
func setAt(at int, values ...byte) func([]byte) []byte {
	return func(d []byte) []byte {
		copy(d[at:], values)
		return d
	}
}

// both makes all of several changes.
func both(changes ...func([]byte) []byte) func([]byte) []byte {
	return func(d []byte) []byte {
		for _, change := range changes {
			d = change(d)
		}
		return d
	}
}

// each changes every descriptor of a type within a configuration; what is nil is left out, and the
// whole says its true length.
func each(kind byte, change func(d []byte) []byte) func([]byte) []byte {
	return func(raw []byte) []byte {
		var all []byte
		for len(raw) > 0 {
			d := slices.Clone(raw[:raw[0]])
			raw = raw[raw[0]:]
			if d[1] == kind {
				d = change(d)
			}
			all = append(all, d...)
		}
		binary.LittleEndian.PutUint16(all[2:], uint16(len(all)))
		return all
	}
}

// again has the first interface once more at the end.
func again(raw []byte) []byte {
	raw = append(raw, 9, 4, 0, 0, 0, 3, 0, 0, 0)
	raw[4]++
	binary.LittleEndian.PutUint16(raw[2:], uint16(len(raw)))
	return raw
}

// feature tells another feature report than the true one.
func feature(
	change func(ctx context.Context, r []byte) ([]byte, error),
) func(usbip.Device) *devicestest.Liar {
	return func(honest usbip.Device) *devicestest.Liar {
		return &devicestest.Liar{Device: honest, Answer: func(ctx context.Context, s usbip.Setup,
			truth []byte, err error,
		) ([]byte, error) {
			if s.RequestType != 0xA1 || s.Request != 1 || s.Value != 0x0300 || len(truth) != 8 {
				return truth, err
			}
			return change(ctx, slices.Clone(truth))
		}}
	}
}

// reports is feature for a lie that comes at once.
func reports(change func(r []byte) []byte) func(usbip.Device) *devicestest.Liar {
	return feature(func(_ context.Context, r []byte) ([]byte, error) { return change(r), nil })
}

// types makes a keyboard type on and on, as fast as one may.
func types(next func() ([]byte, error)) func(usbip.Device) *devicestest.Liar {
	return func(honest usbip.Device) *devicestest.Liar {
		return &devicestest.Liar{Device: honest, Send: func(ctx context.Context, endpoint uint8,
			truth func() ([]byte, error),
		) ([]byte, error) {
			if endpoint != 0x81 {
				return truth()
			}
			return pace(ctx, next)
		}}
	}
}

func pace(ctx context.Context, next func() ([]byte, error)) ([]byte, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(8 * time.Millisecond):
		return next()
	}
}

// shared is a source for many devices at once.
type shared struct {
	mu     sync.Mutex
	source rand.Source
}

// Uint64 implements rand.Source.
func (s *shared) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Uint64()
}

// noise is n bytes of anything.
func noise(chance *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(chance.Uint32())
	}
	return b
}

// late is how long the report descriptor of one device takes.
const late = 2500 * time.Millisecond

// allLies are the lies that are told, always the same for a seed.
func allLies(seed uint64) (all []lie) {
	chance := rand.New(&shared{source: rand.NewPCG(seed, 1)})
	add := func(kind, name string, never bool, liar func(usbip.Device) *devicestest.Liar) {
		all = append(all, lie{kind: kind, name: name, never: never, liar: liar})
	}
	all = append(all, tellingReader(chance)) // which takes longest
	deviceLies(chance, add)
	reportLies(chance, add)
	stringLies(add)
	keyboardLies(chance, add)
	featureLies(chance, add)
	all = append(all, lie{kind: "feature report", name: "another serial each time", faces: 3,
		never: true})
	all = append(all, readerLies(chance)...)
	configurationLies(add) // one of which keeps readers from being opened
	return all
}

type adder func(kind, name string, never bool, liar func(usbip.Device) *devicestest.Liar)

func deviceLies(chance *rand.Rand, add adder) {
	const kind = "device descriptor"
	add(kind, "a length of 255, versions of no digits, strings that are not there", false,
		whole(ofDevice, both(setAt(0, 255), setAt(2, 0xFF, 2), setAt(12, 0xFF, 0xFF, 9, 10, 11))))
	add(kind, "the class of a hub", false, whole(ofDevice, setAt(4, 9, 0, 1)))
	add(kind, "a product nobody knows", true, whole(ofDevice, setAt(10, noise(chance, 1)[0], 0xBE)))
	add(kind, "no configuration", true, whole(ofDevice, setAt(17, 0)))
}

func configurationLies(add adder) {
	const kind, ofInterface, ofEndpoint, ofHID = "configuration", 4, 5, 0x21
	of := func(name string, change func([]byte) []byte) {
		add(kind, name, false, whole(ofConfiguration, change))
	}
	endpoint := func(values ...byte) func([]byte) []byte {
		return each(ofEndpoint, func(d []byte) []byte {
			if d[2] == 0x81 {
				return setAt(4, values...)(d)
			}
			return d
		})
	}
	of("a length of 65535, and packets of that", both(endpoint(0xFF, 0xFF), setAt(2, 0xFF, 0xFF)))
	of("a length within an interface", setAt(2, 20, 0))
	of("a descriptor of length 0, and 255 interfaces", both(setAt(4, 255), setAt(9, 0)))
	of("endpoints that are missing", each(ofEndpoint, func([]byte) []byte { return nil }))
	of("packets of 0, and reports of 65535", both(endpoint(0, 0),
		each(ofHID, func(d []byte) []byte {
			if len(d) == 9 {
				return setAt(7, 0xFF, 0xFF)(d)
			}
			return d
		})))
	of("an interface that comes again", again)
	of("interfaces from 5 on, of configuration 0", both(setAt(5, 0),
		each(ofInterface, func(d []byte) []byte {
			d[2] += 5
			return d
		})))
}

func reportLies(chance *rand.Rand, add adder) {
	const kind = "report descriptor"
	add(kind, "cut", false, whole(ofReports, func(d []byte) []byte { return d[:5+chance.IntN(20)] }))
	add(kind, "counts of 32 bits", false, whole(ofReports, func(d []byte) []byte {
		return bytes.Replace(d, []byte{0x75, 0x08, 0x95, 0x08}, []byte{0x97, 0xFF, 0xFF, 0xFF}, 1)
	}))
	var once sync.Once
	add(kind, "late", false, whole(ofReports, func(d []byte) []byte {
		once.Do(func() { time.Sleep(late) })
		return d
	}))
}

func stringLies(add adder) {
	const kind = "string"
	add(kind, "an odd length, halves of characters and controls", false,
		descriptor(ofString, func(d []byte, index byte) []byte {
			switch index {
			case 1:
				return setAt(0, 7)(d[:7])
			case 2:
				return []byte{14, 3, 0, 0xD8, 0x1B, 0, '[', 0, 0x2E, 0x20, 0, 0xDC, 'x', 0}
			}
			return d
		}))
	add(kind, "longer than it is", false, descriptor(ofString, func(d []byte, index byte) []byte {
		if index == 0 {
			return d
		}
		return setAt(0, 255)(d)
	}))
}

func featureLies(chance *rand.Rand, add adder) {
	const kind = "feature report"
	of := func(name string, never bool, change func(r []byte) []byte) {
		add(kind, name, never, reports(change))
	}
	of("of another length", true, func(r []byte) []byte {
		if chance.IntN(2) == 0 {
			return append(r, noise(chance, 8)...)
		}
		return r[:chance.IntN(8)]
	})
	of("never ready, or it waits for a touch", true, func(r []byte) []byte {
		return setAt(7, 0x80>>(2*chance.IntN(2)))(r)
	})
	of("a wrong checksum, or parts out of order", true, func(r []byte) []byte {
		if r[7]&0x40 != 0 {
			r[chance.IntN(8)] ^= 1
		}
		return r
	})
	of("noise", false, func([]byte) []byte { return noise(chance, 8) })
	add(kind, "refused", true, feature(func(context.Context, []byte) ([]byte, error) {
		return nil, usbip.ErrStall
	}))
	add(kind, "none ever", true, feature(func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}))
}

func keyboardLies(chance *rand.Rand, add adder) {
	const kind = "keyboard report"
	add(kind, "noise of any length", false, types(func() ([]byte, error) {
		return noise(chance, chance.IntN(20)), nil
	}))
	add(kind, "refused", false, types(func() ([]byte, error) { return nil, usbip.ErrStall }))
}
