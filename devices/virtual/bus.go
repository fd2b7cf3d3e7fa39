package virtual

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// socket is where a key is plugged in.
type socket struct {
	plugged bool
	// id numbers this plugging; port is the one it is in.
	id   uint64
	port int
	bus  *signal
	// holder is who has the keyboard interface open.
	holder *handle
}

// in reports a place on this bus: a key may be carried from one bus to another.
func (s socket) in(b *Bus) bool { return s.plugged && s.bus == &b.changed }

// Bus is a USB bus of this process with any number of keys in a drawer beside it.
type Bus struct {
	changed signal

	mu        sync.Mutex
	keys      []*Key
	pluggings uint64
}

var _ devices.Bus = (*Bus)(nil)

// NewBus returns a bus with the keys in its drawer: known by their serials, not plugged in.
func NewBus(keys ...*Key) *Bus { return &Bus{keys: keys} }

// Add puts another key into the drawer. Two keys cannot have one serial.
func (b *Bus) Add(k *Key) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.keys, func(o *Key) bool { return o.Serial() == k.Serial() }) {
		return fmt.Errorf("add key: there is a key %d already", k.Serial())
	}
	b.keys = append(b.keys, k)
	return nil
}

// Keys lists the drawer, plugged in or not, in the order they were added.
func (b *Bus) Keys() []*Key {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.keys)
}

// Key finds a key of the drawer by its serial.
func (b *Bus) Key(serial uint32) (*Key, bool) {
	for _, k := range b.Keys() {
		if k.Serial() == serial {
			return k, true
		}
	}
	return nil, false
}

// Changed returns a channel that is closed at the next plugging or unplugging, a fault's included.
// Take it before looking.
func (b *Bus) Changed() <-chan struct{} { return b.changed.wait() }

// Plug puts the key into the first free port. A key that is plugged in stays where it is; one that
// the drawer does not know is put there.
func (b *Bus) Plug(k *Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.keys, k) {
		b.keys = append(b.keys, k)
	}
	port, taken := 1, map[int]bool{}
	for _, other := range b.keys {
		if s := other.place(); s.in(b) {
			taken[s.port] = true
		}
	}
	for taken[port] {
		port++
	}
	if k.putIn(socket{plugged: true, id: b.pluggings + 1, port: port, bus: &b.changed}) {
		b.pluggings++
	}
}

// Unplug pulls the key out; whoever has it open is told.
func (b *Bus) Unplug(k *Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pullOut()
}

// List implements devices.Bus.
func (b *Bus) List(ctx context.Context) ([]devices.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list virtual bus: %w", err)
	}
	var infos []devices.Info
	for _, k := range b.Keys() {
		if s := k.place(); s.in(b) {
			infos = append(infos, k.infos(s)...)
		}
	}
	slices.SortFunc(infos, func(a, b devices.Info) int {
		return cmp.Compare(a.Path, b.Path)
	})
	return infos, nil
}

// Open implements devices.Bus. It goes by the path, and by the ID where info has one.
func (b *Bus) Open(ctx context.Context, info devices.Info) (devices.HID, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open virtual key: %w", err)
	}
	for _, k := range b.Keys() {
		s := k.place()
		if !s.in(b) {
			continue
		}
		for _, here := range k.infos(s) {
			if here.Path == info.Path && (info.ID == "" || info.ID == here.ID) {
				return k.open(s.id, here)
			}
		}
	}
	return nil, fmt.Errorf("open virtual key: %w", devices.ErrUnplugged)
}

// Plugged is whether the key is plugged in now.
func (k *Key) Plugged() bool { return k.place().plugged }

func (k *Key) place() socket {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.socket
}

// putIn gives the key power. It reports false when it had some.
func (k *Key) putIn(s socket) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.socket.plugged {
		return false
	}
	k.socket = s
	k.forbiddenUntil = time.Now().Add(k.fault.Forbidden)
	k.changed.notify()
	s.bus.notify()
	return true
}

// pullOut takes the power away: what was not consumed never happened. The caller has the lock.
func (k *Key) pullOut() {
	if !k.socket.plugged {
		return
	}
	k.settle(time.Now())
	bus := k.socket.bus
	k.socket = socket{}
	k.wire, k.typing, k.usb = wire{}, nil, usbQueues{}
	k.changed.notify()
	bus.notify()
}

// infos describes the HID interfaces of a plugged key, the keyboard first.
func (k *Key) infos(s socket) []devices.Info {
	model := models[k.opts.Product]
	infos := make([]devices.Info, model.hidInterfaces())
	for i := range infos {
		infos[i] = devices.Info{
			Path:   fmt.Sprintf("1-%d:1.%d", s.port, i),
			ID:     fmt.Sprintf("virtual-%d.%d", s.id, i),
			Vendor: Vendor, Product: k.opts.Product, Release: k.release(), Interface: i,
			Manufacturer: "Yubico", Name: model.name,
		}
	}
	return infos
}

// release is bcdDevice: 5.4.3 is 0543.
func (k *Key) release() uint16 {
	fw := k.opts.Firmware
	return uint16(fw[0])<<8 | uint16(fw[1])<<4 | uint16(fw[2])
}
