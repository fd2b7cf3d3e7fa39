//go:build !linux || !cgo || nousb

package usb

import (
	"context"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// Supported says whether this build can reach a USB bus at all.
const Supported = false

// Bus is the machine's USB bus, which this build cannot reach.
type Bus struct{}

var _ devices.Bus = (*Bus)(nil)

// New returns a bus that answers devices.ErrUnsupported.
func New() *Bus { return &Bus{} }

// List always errs.
func (*Bus) List(context.Context) ([]devices.Info, error) {
	return nil, fmt.Errorf("list usb devices: %w", devices.ErrUnsupported)
}

// Open always errs.
func (*Bus) Open(context.Context, devices.Info) (devices.HID, error) {
	return nil, fmt.Errorf("open usb device: %w", devices.ErrUnsupported)
}

var _ devices.ReaderBus = (*Bus)(nil)

// ListReaders always errs.
func (*Bus) ListReaders(context.Context) ([]devices.Info, error) {
	return nil, fmt.Errorf("list card readers: %w", devices.ErrUnsupported)
}

// OpenReader always errs.
func (*Bus) OpenReader(context.Context, devices.Info) (devices.CCID, error) {
	return nil, fmt.Errorf("open card reader: %w", devices.ErrUnsupported)
}

// Close does nothing.
func (*Bus) Close() error { return nil }

// LibraryVersion is empty: no libusb is linked.
func LibraryVersion() string { return "" }
