// Package devices is the seam between the desk and the things plugged into it: the wire interfaces
// HID and Card, what a bus says about a device before anybody opens it, and hot-plug.
//
// It is pure Go and refuses to know any vendor, any protocol above the wire, and any person.
// The real bus is devices/usb, the software twin is devices/virtual; one conformance suite,
// devices/devicestest, runs on both.
package devices

import (
	"context"
	"errors"
)

// Errors every bus and every open device maps its own failures onto.
var (
	// ErrUnplugged means the device is gone. Whatever was in flight may or may not have arrived.
	ErrUnplugged = errors.New("device unplugged")
	// ErrTimeout means the deadline passed and nothing was consumed.
	ErrTimeout = errors.New("device did not answer in time")
	// ErrBusy means another program, or another owner here, holds the device.
	ErrBusy = errors.New("device is held by another program")
	// ErrPermission means the node exists and may not be opened (yet): udev may still be at work.
	ErrPermission = errors.New("no permission to open the device")
	// ErrUnsupported means this build or this device has no such interface.
	ErrUnsupported = errors.New("not supported here")
	// ErrClosed means the caller closed the device earlier.
	ErrClosed = errors.New("device is closed")
)

// HID is one open HID interface, without report numbers: lengths are the report's own, and the
// report-number byte some libraries want is added and taken away below this line.
//
// An open device has one owner: no method may run beside another on the same HID. Every method
// returns by the context's deadline with ErrTimeout (or soon after, where the C library below only
// counts whole seconds), and ErrUnplugged as soon as the device is known to be gone.
type HID interface {
	// SetFeature sends one feature report.
	SetFeature(ctx context.Context, report []byte) error
	// GetFeature fills report and returns how many bytes arrived.
	GetFeature(ctx context.Context, report []byte) (int, error)
	// ReadInput waits for one input report and returns its length.
	ReadInput(ctx context.Context, report []byte) (int, error)
	// Close gives the interface back to the kernel. It may be called once.
	Close() error
}

// Card is one powered smart card in a reader.
type Card interface {
	// Transmit sends a command APDU and returns the response, status word included (ISO 7816-4).
	Transmit(ctx context.Context, apdu []byte) ([]byte, error)
	// Close powers the card down.
	Close() error
}

// Info is what the bus knows of one interface of a plugged device without opening it.
type Info struct {
	// Path names this plugging on this bus, for example "1-1:1.0". Unplug and replug into the same
	// port gives the same path again; ID never repeats.
	Path string
	// ID is unique for as long as the bus is watched; List implementations that cannot know leave
	// it empty and Watch fills it.
	ID string
	// Vendor and Product are the USB ids.
	Vendor, Product uint16
	// Release is bcdDevice.
	Release uint16
	// Interface is the HID interface number, or -1 where the device has none we can open.
	Interface int
	// Manufacturer, Name and Serial are the descriptor strings; Serial is often empty.
	Manufacturer, Name, Serial string
}

// Bus lists devices passively and opens one of them.
type Bus interface {
	// List returns the HID interfaces present now. It opens nothing a user could notice.
	List(ctx context.Context) ([]Info, error)
	// Open takes the interface over from the kernel.
	Open(ctx context.Context, info Info) (HID, error)
}
