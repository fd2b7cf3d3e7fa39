//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/devicestest"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// readerLies are those of card readers.
func readerLies(chance *rand.Rand) (all []lie) {
	const ofInterface, ofEndpoint, ofClass = 4, 5, 0x21
	of := func(name string, change func([]byte) []byte) {
		all = append(all, lie{kind: "reader descriptor", name: name, byReader: true,
			liar: whole(ofConfiguration, change)})
	}
	class := func(change func([]byte) []byte) func([]byte) []byte { return each(ofClass, change) }
	garbage := noise(chance, 52)
	of("garbage", class(setAt(2, garbage...)))
	of("messages of 4 GiB", class(setAt(44, 0xFF, 0xFF, 0xFF, 0xFF)))
	of("interface 7", each(ofInterface, setAt(2, 7)))
	of("packets of 0", each(ofEndpoint, setAt(4, 0, 0)))
	of("packets of 65535", each(ofEndpoint, setAt(4, 0xFF, 0xFF)))
	return all
}

// tellingReader lies when it is open: on endpoint 82 in its answers, on 83 in what it tells unasked.
func tellingReader(chance *rand.Rand) lie {
	full := func(length uint32) func([]byte) []byte {
		return func(m []byte) []byte {
			m = append(m, make([]byte, 64-len(m))...)
			binary.LittleEndian.PutUint32(m[1:], length)
			return m
		}
	}
	xor := func(at int, mask byte) func([]byte) []byte {
		return func(m []byte) []byte {
			m[at] ^= mask
			return m
		}
	}
	return lie{kind: "reader message", byReader: true, messages: []message{
		{"a length of 4 GiB", 0x82, full(0xFFFFFFF0)},
		{"a length of 2 GiB", 0x82, full(0x7FFFFFF0)},
		{"more than there is", 0x82, full(100)},
		{"less than there is", 0x82, full(3)},
		{"another sequence", 0x82, xor(6, 0x40)},
		{"another slot", 0x82, xor(5, 1)},
		{"no status there is", 0x82, setAt(7, 0xC3)},
		{"more time, on and on", 0x82, setAt(7, 0x80, 255)},
		{"no kind there is", 0x82, setAt(0, 0x55)},
		{"cut", 0x82, func(m []byte) []byte { return m[:chance.IntN(10)] }},
		{"noise", 0x82, func([]byte) []byte { return noise(chance, 64) }},
		{"slots that change on and on", 0x83, func([]byte) []byte { return []byte{0x50, 0xFF} }},
		{"noise unasked", 0x83, func([]byte) []byte { return noise(chance, 8) }},
	}}
}

// teller makes a liar whose messages are those of the turn.
func teller(honest usbip.Device, messages []message, turn *atomic.Int32) *devicestest.Liar {
	return &devicestest.Liar{Device: honest, Send: func(ctx context.Context, endpoint uint8,
		truth func() ([]byte, error),
	) ([]byte, error) {
		now := messages[turn.Load()]
		if endpoint == 0x83 && now.endpoint == endpoint {
			return pace(ctx, func() ([]byte, error) { return now.change(nil), nil })
		}
		m, err := truth()
		if now.endpoint == endpoint && err == nil && len(m) >= 10 {
			m = now.change(slices.Clone(m))
		}
		return m, err
	}}
}

// readerTime bounds what is done with a reader that lies; its deadline comes a second before.
const readerTime = 2 * time.Second

// tryReader does with an open reader what a source of taps does, and says what came of it.
func tryReader(link devices.CCID) string {
	ctx, cancel := context.WithTimeout(context.Background(), readerTime-time.Second)
	defer cancel()
	slot, err := ccid.NewSlot(link, 0)
	if err != nil {
		return err.Error()
	}
	for range 3 {
		changing, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		_, _ = slot.Changed(changing)
		stop()
	}
	card, err := slot.PowerOn(ctx)
	if err != nil {
		return err.Error()
	}
	if _, err := ccid.Number(ctx, card, ccid.Place{}, devices.NumberFormat{}); err != nil {
		return err.Error()
	}
	return "read"
}

// readerAt finds a reader by the device it is.
func readerAt(bus *usb.Bus, device string) (devices.Info, bool) {
	infos, _ := bus.ListReaders(context.Background())
	for _, info := range infos {
		if strings.HasPrefix(info.Path, device+":") {
			return info, true
		}
	}
	return devices.Info{}, false
}
