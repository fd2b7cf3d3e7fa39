package virtual

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tokendesk/tokendesk/devices"
)

// CardReaders is a bus of this process with readers beside it.
type CardReaders struct {
	mu        sync.Mutex
	readers   []*CardReader
	pluggings uint64
}

var _ devices.ReaderBus = (*CardReaders)(nil)

// NewCardReaders returns a bus with these readers plugged in.
func NewCardReaders(readers ...*CardReader) *CardReaders {
	b := &CardReaders{}
	for _, r := range readers {
		b.Plug(r)
	}
	return b
}

// Plug puts a reader in. A card that lies in it is told of.
func (b *CardReaders) Plug(r *CardReader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	port := slices.Index(b.readers, r)
	if port < 0 {
		port = len(b.readers)
		b.readers = append(b.readers, r)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.plugging != 0 {
		return
	}
	b.pluggings++
	r.plugging, r.port, r.event = b.pluggings, port+1, r.card != nil
	r.gone = make(chan struct{})
	r.changed.notify()
}

// Unplug pulls a reader out; the cards stay where they lie.
func (b *CardReaders) Unplug(r *CardReader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unplug()
}

// ListReaders implements devices.ReaderBus.
func (b *CardReaders) ListReaders(ctx context.Context) ([]devices.Info, error) {
	if err := late(ctx); err != nil {
		return nil, fmt.Errorf("list virtual readers: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var infos []devices.Info
	for _, r := range b.readers {
		r.mu.Lock()
		if r.plugging != 0 {
			infos = append(infos, r.info())
		}
		r.mu.Unlock()
	}
	return infos, nil
}

// The ids of a reader that pcscd's driver knows (libccid: supported_readers.txt).
const (
	readerVendor  = 0x04E6
	readerProduct = 0x5790
)

// info describes the reader where it is plugged in. The caller has the lock.
func (r *CardReader) info() devices.Info {
	return devices.Info{Path: fmt.Sprintf("2-%d:1.0", r.port),
		ID:     fmt.Sprintf("virtual-reader-%d", r.plugging),
		Vendor: readerVendor, Product: readerProduct, Release: 0x0100, Manufacturer: "Virtual",
		Name: "card reader", Serial: r.opts.Serial}
}

// OpenReader implements devices.ReaderBus.
func (b *CardReaders) OpenReader(_ context.Context, info devices.Info) (devices.CCID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.readers {
		link, err := r.open(info)
		if link != nil || err != nil {
			return link, err
		}
	}
	return nil, fmt.Errorf("open virtual reader: %w", devices.ErrUnplugged)
}

// open opens the reader if it is the one that info names.
func (r *CardReader) open(info devices.Info) (devices.CCID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	here := r.info()
	if r.plugging == 0 || here.Path != info.Path || info.ID != "" && info.ID != here.ID {
		return nil, nil
	}
	switch {
	case r.fault.Forbidden:
		return nil, fmt.Errorf("open virtual reader: %w", devices.ErrPermission)
	case r.fault.Busy || r.holder != nil:
		return nil, fmt.Errorf("open virtual reader: %w", devices.ErrBusy)
	}
	r.holder = &readerLink{reader: r, plugging: r.plugging}
	r.in, r.partial = nil, nil
	return r.holder, nil
}

// readerLink is a reader that is open in this process.
type readerLink struct {
	reader   *CardReader
	plugging uint64
	inUse    atomic.Bool
	closed   bool
}

var _ devices.CCID = (*readerLink)(nil)

// own enforces the contract of devices.CCID: one owner, one call at a time.
func (l *readerLink) own() (release func()) {
	if !l.inUse.CompareAndSwap(false, true) {
		panic("devices/virtual: two calls at once on one open reader")
	}
	return func() { l.inUse.Store(false) }
}

// Descriptor implements devices.CCID.
func (l *readerLink) Descriptor() []byte { return l.reader.classDescriptor() }

// Send implements devices.CCID.
func (l *readerLink) Send(ctx context.Context, message []byte) error {
	defer l.own()()
	if err := l.usable(ctx); err != nil {
		return fmt.Errorf("send to virtual reader: %w", err)
	}
	r := l.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.plugging != l.plugging {
		return fmt.Errorf("send to virtual reader: %w", devices.ErrUnplugged)
	}
	r.hear(message)
	return nil
}

// Receive implements devices.CCID.
func (l *readerLink) Receive(ctx context.Context, message []byte) (int, error) {
	return l.wait(ctx, message, l.reader.next)
}

// Event implements devices.CCID.
func (l *readerLink) Event(ctx context.Context, message []byte) (int, error) {
	if l.reader.opts.Deaf {
		return 0, fmt.Errorf("event of virtual reader: %w", devices.ErrUnsupported)
	}
	return l.wait(ctx, message, l.reader.tell)
}

func (l *readerLink) wait(ctx context.Context, message []byte, take func() []byte) (int, error) {
	defer l.own()()
	if err := l.usable(ctx); err != nil {
		return 0, fmt.Errorf("receive from virtual reader: %w", err)
	}
	got, err := l.reader.await(ctx, l.plugging, take)
	if err != nil {
		return 0, fmt.Errorf("receive from virtual reader: %w", err)
	}
	if len(got) > len(message) {
		return 0, fmt.Errorf("receive from virtual reader: a message of %d bytes", len(got))
	}
	return copy(message, got), nil
}

func (l *readerLink) usable(ctx context.Context) error {
	if l.closed {
		return devices.ErrClosed
	}
	return late(ctx)
}

// Close implements devices.CCID.
func (l *readerLink) Close() error {
	defer l.own()()
	if l.closed {
		return fmt.Errorf("close virtual reader: %w", devices.ErrClosed)
	}
	l.closed = true
	r := l.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holder == l {
		r.holder = nil
	}
	return nil
}
