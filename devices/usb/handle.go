//go:build linux && cgo && !nousb

package usb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/karalabe/hid"

	"github.com/tokendesk/tokendesk/devices"
)

// readEvery is how often the library's queue of input reports is looked into. Its own timed wait
// runs on the wall clock, and would hang when that is set back; ten reports a second are many.
const readEvery = 3 * time.Millisecond

// handle is one open interface. The library hands a C pointer out of its own lock, and using one
// while another goroutine closes it kills the process. So every call into it, Close included, is
// made under this lock.
type handle struct {
	port port

	mu  sync.Mutex
	dev hid.Device // nil after Close
}

var _ devices.HID = (*handle)(nil)

// SetFeature sends one feature report. The library gives up after one second by itself.
func (h *handle) SetFeature(ctx context.Context, report []byte) error {
	n, err := h.feature(ctx, "set feature", report, hid.Device.SendFeatureReport)
	if err == nil && n < len(report) {
		return fmt.Errorf("set feature: %d of %d bytes: %w", n, len(report), errRefused)
	}
	return err
}

// GetFeature fills report.
func (h *handle) GetFeature(ctx context.Context, report []byte) (int, error) {
	return h.feature(ctx, "get feature", report, hid.Device.GetFeatureReport)
}

// feature does one control transfer, adding and taking away the report-number byte (0: this device
// does not number its reports) that the library wants in front.
func (h *handle) feature(
	ctx context.Context, op string, report []byte, do func(hid.Device, []byte) (int, error),
) (int, error) {
	buf := make([]byte, 1+len(report))
	defer clear(buf) // a programming frame carries a seed
	copy(buf[1:], report)
	n, err := h.call(ctx, op, func(dev hid.Device) (int, error) { return do(dev, buf) })
	if err != nil {
		return 0, err
	}
	return copy(report, buf[1:max(n, 1)]), nil
}

// ReadInput waits for one input report.
func (h *handle) ReadInput(ctx context.Context, report []byte) (int, error) {
	look := func(dev hid.Device) (int, error) { return dev.ReadTimeout(report, 0) }
	n, err := h.call(ctx, "read input", look)
	if n > 0 || err != nil {
		return n, err
	}
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("read input: %w", ended(ctx))
		case <-tick.C:
		}
		n, err := h.call(context.WithoutCancel(ctx), "read input", look)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// call runs one call into the library, alone, and names its error. A context that ended before is
// answered without touching the device.
func (h *handle) call(
	ctx context.Context, op string, do func(hid.Device) (int, error),
) (int, error) {
	if ctx.Err() != nil {
		return 0, fmt.Errorf("%s: %w", op, ended(ctx))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dev == nil {
		return 0, fmt.Errorf("%s: %w", op, devices.ErrClosed)
	}
	began := time.Now()
	n, err := do(h.dev)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op, h.reason(time.Since(began)))
	}
	return n, nil
}

// ended is how a device says that ctx is over: a deadline that passed is ErrTimeout, and a caller
// who changed his mind gets his own words back.
func ended(ctx context.Context) error {
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return devices.ErrTimeout
}

// reason finds out why a transfer failed: the library has one sentence for everything.
func (h *handle) reason(took time.Duration) error {
	switch {
	case h.port.gone():
		return devices.ErrUnplugged
	case took >= libraryTimeout:
		return devices.ErrTimeout
	}
	return errRefused
}

// libraryTimeout is the one second of hidapi's control transfers, less the coarseness of its clock.
const libraryTimeout = 950 * time.Millisecond

// errRefused is a transfer that failed on a device that is still plugged in: it stalled.
var errRefused = errors.New("the device refused the transfer")

// Close gives the interface back to the kernel. It waits for a call that is still running.
func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dev == nil {
		return fmt.Errorf("close usb device: %w", devices.ErrClosed)
	}
	err := h.dev.Close()
	h.dev = nil
	if err != nil {
		return fmt.Errorf("close usb device: %w", err)
	}
	return nil
}
