package virtual

import (
	"context"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// untakenAfter is how long the key offers a keystroke to a host that does not poll. (How long a
// real key does is not documented.)
const untakenAfter = 2 * time.Second

// USB is the key, for as long as it is plugged in now, as a device on a bus of a kernel. Once it is
// pulled out every transfer answers devices.ErrUnplugged; another plugging is another device.
func (k *Key) USB() usbip.Device { return &usbDevice{key: k, id: k.place().id} }

// usbQueues are the answers that wait for the host to fetch them, and whether the last keyboard
// report it fetched left a key down.
type usbQueues struct {
	fido, ccid [][]byte
	keyDown    bool
}

type usbDevice struct {
	key *Key
	// id is the plugging this device lives for.
	id uint64
}

var _ usbip.Device = (*usbDevice)(nil)

// Descriptor implements usbip.Device.
func (d *usbDevice) Descriptor() []byte { return d.key.deviceDescriptor() }

// Speed implements usbip.Device.
func (d *usbDevice) Speed() usbip.Speed { return usbip.FullSpeed }

// Requests on endpoint 0 (USB 2.0 section 9.4, HID 1.11 section 7), type and number together.
const (
	getStatusDevice    = 0x8000
	getStatusInterface = 0x8100
	getStatusEndpoint  = 0x8200
	clearFeature       = 0x0201
	getDescriptor      = 0x8006
	getConfiguration   = 0x8008
	setConfiguration   = 0x0009
	getInterface       = 0x810A
	setInterface       = 0x010B
	classDescriptor    = 0x8106
	getReport          = 0xA101
	getIdle            = 0xA102
	getProtocol        = 0xA103
	setReport          = 0x2109
	setIdle            = 0x210A
	setProtocol        = 0x210B
)

// Control implements usbip.Device.
func (d *usbDevice) Control(
	ctx context.Context, setup usbip.Setup, out []byte,
) ([]byte, error) {
	k := d.key
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.present(); err != nil {
		return nil, fmt.Errorf("control transfer: %w", err)
	}
	in, err := k.control(setup, out)
	if err != nil {
		return nil, err
	}
	return in[:min(len(in), int(setup.Length))], nil
}

// present is checked with the lock held.
func (d *usbDevice) present() error {
	if s := d.key.socket; !s.plugged || s.id != d.id {
		return devices.ErrUnplugged
	}
	return nil
}

func (k *Key) control(setup usbip.Setup, out []byte) ([]byte, error) {
	switch uint16(setup.RequestType)<<8 | uint16(setup.Request) {
	case getDescriptor, classDescriptor:
		return k.descriptor(setup)
	case getReport:
		return k.getReport(setup)
	case setReport:
		return nil, k.setReport(setup, out)
	case setConfiguration, setInterface, setIdle, setProtocol, clearFeature:
		return nil, nil
	case getStatusDevice, getStatusInterface, getStatusEndpoint:
		return []byte{0, 0}, nil
	case getConfiguration, getProtocol:
		return []byte{1}, nil
	case getInterface, getIdle:
		return []byte{0}, nil
	}
	return nil, usbip.ErrStall
}

func (k *Key) descriptor(setup usbip.Setup) ([]byte, error) {
	var d []byte
	switch index := byte(setup.Value); setup.Value >> 8 {
	case typeDevice:
		d = k.deviceDescriptor()
	case typeConfig:
		d = k.configDescriptor()
	case typeString:
		d = k.stringDescriptor(index)
	case typeReport:
		d = k.reportDescriptor(setup.Index)
	}
	if d == nil {
		return nil, usbip.ErrStall
	}
	return d, nil
}

// reportDescriptor belongs to the HID interface of that number.
func (k *Key) reportDescriptor(number uint16) []byte {
	m := models[k.opts.Product]
	var all [][]byte
	if m.otp {
		all = append(all, keyboardReports)
	}
	if m.fido {
		all = append(all, fidoReports)
	}
	if int(number) >= len(all) {
		return nil
	}
	return all[number]
}

// Report types in the high byte of a report request (HID 1.11 section 7.2.1).
const (
	reportInput   = 0x01
	reportOutput  = 0x02
	reportFeature = 0x03
)

// isKeyboard is whether the interface of that number is the keyboard, the only one with feature
// reports.
func (k *Key) isKeyboard(number uint16) bool {
	return number == 0 && models[k.opts.Product].otp
}

func (k *Key) getReport(setup usbip.Setup) ([]byte, error) {
	if !k.isKeyboard(setup.Index) {
		return nil, usbip.ErrStall
	}
	switch setup.Value {
	case reportFeature << 8:
		report, err := k.getFeature()
		if err != nil {
			return nil, fmt.Errorf("get feature report: %w", err)
		}
		return report[:], nil
	case reportInput << 8:
		return make([]byte, reportSize), nil
	}
	return nil, usbip.ErrStall
}

func (k *Key) setReport(setup usbip.Setup, out []byte) error {
	switch {
	case !k.isKeyboard(setup.Index):
		return usbip.ErrStall
	case setup.Value == reportOutput<<8:
		return nil // keyboard LEDs
	case setup.Value != reportFeature<<8 || len(out) != reportSize:
		return usbip.ErrStall
	}
	if err := k.setFeature(out); err != nil {
		return fmt.Errorf("set feature report: %w", err)
	}
	return nil
}

// In implements usbip.Device.
func (d *usbDevice) In(ctx context.Context, endpoint uint8, length int) ([]byte, error) {
	k := d.key
	var take func(time.Time) ([]byte, time.Time, error)
	switch endpoint | 0x80 {
	case endpointKeyboard:
		take = k.takeKeystroke
	case endpointFIDOIn:
		take = func(time.Time) ([]byte, time.Time, error) { return pop(&k.usb.fido) }
	case endpointCCIDIn:
		take = func(time.Time) ([]byte, time.Time, error) { return pop(&k.usb.ccid) }
	case endpointCCIDTell: // no card ever comes or goes
		take = func(time.Time) ([]byte, time.Time, error) { return nil, time.Time{}, nil }
	default:
		return nil, usbip.ErrStall
	}
	got, err := k.await(ctx, func(now time.Time) ([]byte, time.Time, error) {
		if err := d.present(); err != nil {
			return nil, time.Time{}, err
		}
		return take(now)
	})
	if err != nil {
		return nil, fmt.Errorf("transfer from endpoint %02x: %w", endpoint, err)
	}
	return got[:min(len(got), length)], nil
}

// Out implements usbip.Device.
func (d *usbDevice) Out(_ context.Context, endpoint uint8, data []byte) error {
	k := d.key
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := d.present(); err != nil {
		return fmt.Errorf("transfer to endpoint %02x: %w", endpoint, err)
	}
	switch endpoint {
	case endpointFIDOOut:
		k.usb.fido = append(k.usb.fido, k.fidoAnswers(data)...)
	case endpointCCIDOut:
		k.usb.ccid = append(k.usb.ccid, ccidAnswer(data))
	default:
		return usbip.ErrStall
	}
	k.changed.notify()
	return nil
}

// takeKeystroke gives the host the keyboard report that is due. Keystrokes that nobody fetched in
// time are gone, but a key that was pressed is always released. The caller has the lock.
func (k *Key) takeKeystroke(now time.Time) ([]byte, time.Time, error) {
	dropped := false
	for len(k.typing) > 0 && now.Sub(k.typing[0].at) > untakenAfter {
		k.typing, dropped = k.typing[1:], true
	}
	if dropped && k.usb.keyDown {
		k.typing = append([]timedReport{{at: now}}, k.typing...)
	}
	if due := k.nextDue(); due.IsZero() || due.After(now) {
		return nil, due, nil
	}
	report := k.typing[0].report
	k.typing = k.typing[1:]
	k.usb.keyDown = report != [reportSize]byte{}
	return report[:], time.Time{}, k.strike(&k.fault.UnplugAfterInputs)
}

// pop takes the oldest packet of a queue.
func pop(queue *[][]byte) ([]byte, time.Time, error) {
	if len(*queue) == 0 {
		return nil, time.Time{}, nil
	}
	packet := (*queue)[0]
	*queue = (*queue)[1:]
	return packet, time.Time{}, nil
}
