// Package usbip serves software USB devices to a kernel over USB/IP (protocol 1.1.1, Linux
// Documentation/usb/usbip_protocol.rst). Any value that implements Device can be exported.
//
// It refuses to know what a device is for: descriptors in, control and interrupt transfers through.
package usbip

import (
	"context"
	"errors"
)

// ErrStall is answered by a device that refuses a request: the host sees EPIPE. Any other error of
// a device, except the end of the context it was given, means that it is gone: the server closes
// the connection, which is how a kernel on the other side sees the plug being pulled.
var ErrStall = errors.New("endpoint stalled")

// Speed as the kernel numbers it (include/uapi/linux/usb/ch9.h).
type Speed uint32

// The speeds a token has.
const (
	LowSpeed  Speed = 1
	FullSpeed Speed = 2
	HighSpeed Speed = 3
)

// Setup is the eight-byte SETUP packet (USB 2.0 section 9.3), little endian on the wire.
type Setup struct {
	RequestType uint8
	Request     uint8
	Value       uint16
	Index       uint16
	Length      uint16
}

// Device is one software USB device. Implementations are safe for concurrent calls: the kernel
// polls an interrupt endpoint while control transfers run.
type Device interface {
	// Descriptor returns the 18-byte device descriptor.
	Descriptor() []byte
	// Speed the device runs at.
	Speed() Speed
	// Control answers one transfer on endpoint 0: out is the data of a host-to-device request; the
	// result is the data of a device-to-host one. ErrStall refuses.
	Control(ctx context.Context, setup Setup, out []byte) ([]byte, error)
	// In blocks until an IN endpoint has a packet of at most length bytes, or ctx ends (unlink).
	In(ctx context.Context, endpoint uint8, length int) ([]byte, error)
	// Out takes one packet for an OUT endpoint.
	Out(ctx context.Context, endpoint uint8, data []byte) error
}

// Removable is a Device that can say that its plug was pulled while no transfer is under way: the
// connection is closed when Gone is.
type Removable interface {
	Device
	Gone() <-chan struct{}
}
