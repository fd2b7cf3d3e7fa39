//go:build linux && cgo && !nousb

package usb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/gousb"

	"github.com/tokendesk/tokendesk/devices"
)

// nodeTime is how long udev may take to hand the node of a new reader over.
const nodeTime = 2 * time.Second

var _ devices.ReaderBus = (*Bus)(nil)

// ListReaders implements devices.ReaderBus.
func (b *Bus) ListReaders(ctx context.Context) ([]devices.Info, error) {
	return b.list(ctx, classSmartCard)
}

// OpenReader implements devices.ReaderBus. A reader that was plugged in a moment ago may not be
// ours yet; it is waited for.
func (b *Bus) OpenReader(ctx context.Context, info devices.Info) (devices.CCID, error) {
	r, err := openReader(ctx, info)
	if err != nil {
		return nil, fmt.Errorf("open card reader: %w", err)
	}
	return r, nil
}

func openReader(ctx context.Context, info devices.Info) (*reader, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	p, err := findPort(info)
	if err != nil {
		return nil, err
	}
	if err := p.waitAccess(ctx); err != nil {
		return nil, err
	}
	name, _ := parseName(info.Path)
	class := classDescriptor(descriptors(p.device), name.configuration, name.number)
	if class == nil {
		return nil, fmt.Errorf("it has no reader descriptor: %w", devices.ErrUnsupported)
	}
	if err := readable(); err != nil {
		return nil, err
	}
	r := &reader{port: p, class: class}
	if err := r.claim(name.configuration, name.number); err != nil {
		return nil, errors.Join(err, r.release())
	}
	return r, nil
}

// descriptors are those of a device as the kernel keeps them; nil if it has gone.
func descriptors(device string) []byte {
	raw, err := os.ReadFile(filepath.Join(sysDevices, device, "descriptors"))
	if err != nil {
		return nil
	}
	return raw
}

// readable refuses while a device is plugged in that would bring gousb down, which looks at all of
// them before it opens one.
func readable() error {
	entries, err := plugged()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if oddNumbers(descriptors(entry.Name())) {
			return fmt.Errorf("the descriptors of the device at %s make no sense, unplug it: %w",
				entry.Name(), devices.ErrUnsupported)
		}
	}
	return nil
}

// waitAccess gives udev its time.
func (p port) waitAccess(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nodeTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.accessible()
		if !errors.Is(err, devices.ErrPermission) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// reader is one claimed smart-card interface. It has a libusb context of its own, so that nothing
// else on the bus has to wait for it, and one owner.
type reader struct {
	port  port
	class []byte

	ctx    *gousb.Context
	device *gousb.Device
	config *gousb.Config
	iface  *gousb.Interface
	out    *gousb.OutEndpoint
	in     *gousb.InEndpoint
	tell   *gousb.InEndpoint // nil where the reader has none
	closed bool
}

var _ devices.CCID = (*reader)(nil)

// claim opens the device and takes the interface, and only that one: the others, a keyboard
// perhaps, belong to somebody else.
func (r *reader) claim(active, number int) error {
	if err := r.start(); err != nil {
		return err
	}
	opened, err := r.ctx.OpenDevices(func(d *gousb.DeviceDesc) bool {
		return d.Bus == r.port.bus && d.Address == r.port.address
	})
	if len(opened) == 0 {
		return r.reason(err)
	}
	r.device = opened[0]
	if err := r.port.detach(number); err != nil {
		return r.reason(err)
	}
	if r.config, err = r.device.Config(active); err != nil {
		return r.reason(err)
	}
	// gousb looks for an interface at the place of its number, where a device need not have it.
	for len(r.config.Desc.Interfaces) <= number {
		r.config.Desc.Interfaces = append(r.config.Desc.Interfaces, gousb.InterfaceDesc{Number: -1})
	}
	if r.iface, err = r.config.Interface(number, 0); err != nil {
		return r.reason(err)
	}
	return r.endpoints()
}

// start makes the libusb context. libusb errs, and gousb panics, where the kernel has no USB file
// system; that is a state of the machine and not a mistake of the programmer.
func (r *reader) start() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("no usb bus on this machine: %w", devices.ErrUnsupported)
		}
	}()
	r.ctx = gousb.NewContext()
	return nil
}

// endpoints opens the pair of bulk endpoints and the interrupt one.
func (r *reader) endpoints() (err error) {
	for _, e := range r.iface.Setting.Endpoints {
		switch {
		case e.TransferType == gousb.TransferTypeBulk && e.Direction == gousb.EndpointDirectionOut:
			r.out, err = r.iface.OutEndpoint(e.Number)
		case e.TransferType == gousb.TransferTypeBulk:
			r.in, err = r.iface.InEndpoint(e.Number)
		case e.TransferType == gousb.TransferTypeInterrupt &&
			e.Direction == gousb.EndpointDirectionIn:
			r.tell, err = r.iface.InEndpoint(e.Number)
		}
		if err != nil {
			return r.reason(err)
		}
	}
	if r.out == nil || r.in == nil || r.in.Desc.MaxPacketSize == 0 {
		return fmt.Errorf("it has no pair of bulk endpoints: %w", devices.ErrUnsupported)
	}
	return nil
}

// Descriptor implements devices.CCID.
func (r *reader) Descriptor() []byte { return slices.Clone(r.class) }

// Send implements devices.CCID.
func (r *reader) Send(ctx context.Context, message []byte) error {
	if err := r.usable(ctx); err != nil {
		return fmt.Errorf("send to card reader: %w", err)
	}
	n, err := r.out.WriteContext(ctx, message)
	if err == nil && n < len(message) {
		err = errRefused
	}
	if err != nil {
		return fmt.Errorf("send to card reader: %w", r.failed(ctx, err))
	}
	return nil
}

// messageHeader is the fixed part of a message; the length of the rest stands in it from byte 1 on
// (CCID 1.1 section 6).
const messageHeader = 10

// errLonger is a message that nobody made room for.
var errLonger = errors.New("receive from card reader: a message longer than announced")

// Receive implements devices.CCID. It reads the first packet, and then as much as that one says:
// not every reader ends a message of whole packets with an empty one.
func (r *reader) Receive(ctx context.Context, message []byte) (int, error) {
	if err := r.usable(ctx); err != nil {
		return 0, fmt.Errorf("receive from card reader: %w", err)
	}
	packet := r.in.Desc.MaxPacketSize
	got := 0
	for {
		want := packet
		if got >= messageHeader {
			whole := messageHeader + int(binary.LittleEndian.Uint32(message[1:]))
			if whole > len(message) {
				return 0, errLonger // before there is room made for what it says
			}
			if want = whole - got; want <= 0 {
				return got, nil
			}
			want = (want + packet - 1) / packet * packet
		}
		part := make([]byte, want)
		n, err := r.in.ReadContext(ctx, part)
		if err != nil {
			return 0, fmt.Errorf("receive from card reader: %w", r.failed(ctx, err))
		}
		if got+n > len(message) {
			return 0, errLonger
		}
		got += copy(message[got:], part[:n])
		if n%packet != 0 || n == 0 && got > 0 {
			return got, nil // a short packet is the end, whatever was said
		}
	}
}

// Event implements devices.CCID.
func (r *reader) Event(ctx context.Context, message []byte) (int, error) {
	if err := r.usable(ctx); err != nil {
		return 0, fmt.Errorf("event of card reader: %w", err)
	}
	if r.tell == nil {
		return 0, fmt.Errorf("event of card reader: %w", devices.ErrUnsupported)
	}
	part := make([]byte, r.tell.Desc.MaxPacketSize)
	n, err := r.tell.ReadContext(ctx, part)
	if err != nil {
		return 0, fmt.Errorf("event of card reader: %w", r.failed(ctx, err))
	}
	return copy(message, part[:n]), nil
}

func (r *reader) usable(ctx context.Context) error {
	switch {
	case r.closed:
		return devices.ErrClosed
	case ctx.Err() != nil:
		return ended(ctx)
	}
	return nil
}

// failed is why a transfer did not succeed.
func (r *reader) failed(ctx context.Context, err error) error {
	if errors.Is(err, gousb.TransferCancelled) && ctx.Err() != nil {
		return ended(ctx)
	}
	return r.reason(err)
}

// reason names an error of the library, which wraps none of its own.
func (r *reader) reason(err error) error {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case strings.Contains(text, gousb.ErrorBusy.Error()):
		return devices.ErrBusy
	case strings.Contains(text, gousb.ErrorAccess.Error()):
		return devices.ErrPermission
	case r.port.gone():
		return devices.ErrUnplugged
	case err == nil:
		return devices.ErrUnplugged // it was not among those listed
	}
	return fmt.Errorf("%w: %w", errRefused, err)
}

// Close implements devices.CCID.
func (r *reader) Close() error {
	if r.closed {
		return fmt.Errorf("close card reader: %w", devices.ErrClosed)
	}
	r.closed = true
	if err := r.release(); err != nil && !r.port.gone() {
		return fmt.Errorf("close card reader: %w", err)
	}
	return nil
}

// release gives back what was taken, in reverse.
func (r *reader) release() (err error) {
	if r.iface != nil {
		r.iface.Close()
	}
	if r.config != nil {
		err = errors.Join(err, r.config.Close())
	}
	if r.device != nil {
		err = errors.Join(err, r.device.Close())
	}
	if r.ctx != nil {
		err = errors.Join(err, r.ctx.Close())
	}
	return err
}
