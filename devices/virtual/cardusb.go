package virtual

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// Endpoints of a reader.
const (
	readerOut  = 0x01
	readerIn   = 0x82
	readerTell = 0x83
)

// USB is the reader, for as long as it is plugged in now, as a device on a bus of a kernel. Once it
// is pulled out every transfer answers devices.ErrUnplugged.
func (r *CardReader) USB() usbip.Device {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &usbReader{reader: r, plugging: r.plugging, gone: r.gone}
}

// Gone implements usbip.Removable.
func (d *usbReader) Gone() <-chan struct{} { return d.gone }

type usbReader struct {
	reader   *CardReader
	plugging uint64
	gone     chan struct{}
	// rest is what of a message the host has not fetched yet.
	rest []byte
}

var _ usbip.Removable = (*usbReader)(nil)

// Descriptor implements usbip.Device.
func (d *usbReader) Descriptor() []byte {
	raw := []byte{18, typeDevice, 0x00, 0x02, 0, 0, 0, 64}
	raw = binary.LittleEndian.AppendUint16(raw, readerVendor)
	raw = binary.LittleEndian.AppendUint16(raw, readerProduct)
	raw = binary.LittleEndian.AppendUint16(raw, 0x0100)
	serial := byte(0)
	if d.reader.opts.Serial != "" {
		serial = 3
	}
	return append(raw, 1, 2, serial, 1)
}

// Speed implements usbip.Device.
func (d *usbReader) Speed() usbip.Speed { return usbip.FullSpeed }

// configuration is one interface of class 0B: bus powered, 100 mA.
func (d *usbReader) configuration() []byte {
	endpoints := byte(3)
	if d.reader.opts.Deaf {
		endpoints = 2
	}
	body := []byte{9, typeInterface, 0, 0, endpoints, 0x0B, 0, 0, 0}
	body = append(body, d.reader.classDescriptor()...)
	body = append(body, endpoint(readerOut, transferBulk, 64, 0)...)
	body = append(body, endpoint(readerIn, transferBulk, 64, 0)...)
	if !d.reader.opts.Deaf {
		body = append(body, endpoint(readerTell, transferInterrupt, 8, 16)...)
	}
	head := []byte{9, typeConfig}
	head = binary.LittleEndian.AppendUint16(head, uint16(9+len(body)))
	return append(append(head, 1, 1, 0, 0x80, 50), body...)
}

// classAbort asks for a command to be given up (CCID 1.1 section 5.3.1); the message that follows is
// what counts.
const classAbort = 0x2101

// Control implements usbip.Device.
func (d *usbReader) Control(
	ctx context.Context, setup usbip.Setup, _ []byte,
) ([]byte, error) {
	if err := d.present(); err != nil {
		return nil, err
	}
	var answer []byte
	switch uint16(setup.RequestType)<<8 | uint16(setup.Request) {
	case getDescriptor:
		answer = d.describe(setup.Value)
	case setConfiguration, setInterface, clearFeature, classAbort:
		return nil, nil
	case getStatusDevice, getStatusInterface, getStatusEndpoint:
		answer = []byte{0, 0}
	case getConfiguration:
		answer = []byte{1}
	case getInterface:
		answer = []byte{0}
	}
	if answer == nil {
		return nil, usbip.ErrStall
	}
	return answer[:min(len(answer), int(setup.Length))], nil
}

func (d *usbReader) present() error {
	d.reader.mu.Lock()
	defer d.reader.mu.Unlock()
	if d.reader.plugging != d.plugging {
		return devices.ErrUnplugged
	}
	return nil
}

func (d *usbReader) describe(value uint16) []byte {
	switch value >> 8 {
	case typeDevice:
		return d.Descriptor()
	case typeConfig:
		return d.configuration()
	case typeString:
		texts := map[byte]string{1: "Virtual", 2: "card reader"}
		if d.reader.opts.Serial != "" {
			texts[3] = d.reader.opts.Serial
		}
		return textDescriptor(byte(value), texts)
	}
	return nil
}

// In implements usbip.Device.
func (d *usbReader) In(ctx context.Context, endpoint uint8, length int) ([]byte, error) {
	var take func() []byte
	switch endpoint | 0x80 {
	case readerIn:
		take = func() []byte {
			if len(d.rest) == 0 {
				d.rest = d.reader.next()
			}
			return d.rest
		}
	case readerTell:
		take = d.reader.tell
	default:
		return nil, usbip.ErrStall
	}
	got, err := d.reader.await(ctx, d.plugging, take)
	if err != nil {
		return nil, fmt.Errorf("transfer from endpoint %02x: %w", endpoint, err)
	}
	now := got[:min(len(got), length)]
	if endpoint|0x80 == readerIn {
		d.reader.mu.Lock()
		defer d.reader.mu.Unlock()
		d.rest = got[len(now):]
	}
	return now, nil
}

// Out implements usbip.Device.
func (d *usbReader) Out(_ context.Context, endpoint uint8, data []byte) error {
	if endpoint != readerOut {
		return usbip.ErrStall
	}
	d.reader.mu.Lock()
	defer d.reader.mu.Unlock()
	if d.reader.plugging != d.plugging {
		return devices.ErrUnplugged
	}
	d.reader.hear(data)
	return nil
}
