package virtual

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// ScannerOptions describe a Scanner. The zero value is one that types.
type ScannerOptions struct {
	Vendor, Product uint16
	Serial          string
	// Swipes makes it a stripe reader in HID mode, which sends reports in place of keystrokes.
	Swipes bool
	// Every is the time between two packets; 10 ms unless set.
	Every time.Duration
}

// Scanner is a barcode scanner or stripe reader on a USB bus: what it reads it types, on a US
// keyboard (HID Usage Tables section 10), or it sends a card's tracks in one report. It can be
// exported to a kernel over USB/IP.
type Scanner struct {
	opts ScannerOptions

	mu      sync.Mutex
	queue   []timedPacket
	plugged chan struct{} // closed when it is pulled out
	changed signal
}

type timedPacket struct {
	at   time.Time
	data []byte
}

var _ usbip.Removable = (*Scanner)(nil)

// NewScanner makes a scanner, plugged in.
func NewScanner(o ScannerOptions) *Scanner {
	if o.Vendor == 0 {
		o.Vendor, o.Product = 0x05f9, 0x2203
	}
	if o.Every == 0 {
		o.Every = reportTime
	}
	return &Scanner{opts: o, plugged: make(chan struct{})}
}

// Pull takes it out. What was not sent is lost, and it cannot be put in again: make another.
func (s *Scanner) Pull() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.plugged:
	default:
		close(s.plugged)
	}
	s.queue = nil
	s.changed.notify()
}

// Gone implements usbip.Removable.
func (s *Scanner) Gone() <-chan struct{} { return s.plugged }

// Type types a text; "\n" is Enter and "\t" is Tab. Each key goes down and up.
func (s *Scanner) Type(text string) error {
	var packets [][]byte
	for i := range len(text) {
		modifiers, usage := usKeystroke(text[i])
		if usage == 0 {
			return fmt.Errorf("type: no key for %q", text[i])
		}
		packets = append(packets, []byte{modifiers, 0, usage, 0, 0, 0, 0, 0}, make([]byte, 8))
	}
	s.send(packets)
	return nil
}

// Swipe draws a card through: its tracks as they are read, sentinels included; "" is a track the
// card does not have, and "E" one that cannot be read.
func (s *Scanner) Swipe(tracks [3]string) {
	report := make([]byte, swipeReport)
	for i, track := range tracks {
		if track == "E" {
			report[i] = 1
			continue
		}
		report[3+i] = byte(len(track))
		copy(report[7+110*i:], track)
	}
	var packets [][]byte
	for begin := 0; begin < len(report); begin += 8 {
		packets = append(packets, report[begin:min(begin+8, len(report))])
	}
	s.send(packets)
}

// swipeReport is the length of a stripe reader's report (MagTek 99875191 section 4): three states,
// three lengths, the kind of card, three tracks of 110 bytes.
const swipeReport = 337

// send puts packets behind those that wait.
func (s *Scanner) send(packets [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now()
	if n := len(s.queue); n > 0 && s.queue[n-1].at.After(at) {
		at = s.queue[n-1].at
	}
	for _, data := range packets {
		at = at.Add(s.opts.Every)
		s.queue = append(s.queue, timedPacket{at, data})
	}
	s.changed.notify()
}

// usKeystroke is the modifiers and the usage of a character on a US keyboard.
func usKeystroke(char byte) (modifiers, usage byte) {
	const plain, shifted = "1234567890\n\x1b\b\t -=[]\\\x00;'`,./", "!@#$%^&*()\n\x1b\b\t _+{}|\x00:\"~<>?"
	switch {
	case char >= 'a' && char <= 'z':
		return 0, 0x04 + char - 'a'
	case char >= 'A' && char <= 'Z':
		return leftShift, 0x04 + char - 'A'
	case char == 0:
		return 0, 0
	}
	if i := strings.IndexByte(plain, char); i >= 0 {
		return 0, 0x1e + byte(i)
	}
	if i := strings.IndexByte(shifted, char); i >= 0 {
		return leftShift, 0x1e + byte(i)
	}
	return 0, 0
}

// Speed implements usbip.Device: such readers are of low speed, eight bytes a packet.
func (s *Scanner) Speed() usbip.Speed { return usbip.LowSpeed }

// Descriptor implements usbip.Device.
func (s *Scanner) Descriptor() []byte {
	d := []byte{18, typeDevice, 0x10, 0x01, 0, 0, 0, 8}
	d = binary.LittleEndian.AppendUint16(d, s.opts.Vendor)
	d = binary.LittleEndian.AppendUint16(d, s.opts.Product)
	serial := byte(3)
	if s.opts.Serial == "" {
		serial = 0
	}
	return append(d, 0x00, 0x01, 1, 2, serial, 1)
}

// configDescriptor is one HID interface with one endpoint: a boot keyboard, or none.
func (s *Scanner) configDescriptor() []byte {
	kind, interval := byte(1), byte(10)
	if s.opts.Swipes {
		kind = 0
	}
	body := hidInterface(0, kind, kind, len(s.reports()))
	body[4] = 1 // endpoints
	body = append(body, endpoint(endpointKeyboard, transferInterrupt, 8, interval)...)
	head := []byte{9, typeConfig}
	head = binary.LittleEndian.AppendUint16(head, uint16(9+len(body)))
	return append(append(head, 1, 1, 0, 0x80, 50), body...)
}

// swipeReports is a vendor's page with one input report of 337 bytes.
var swipeReports = []byte{
	0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01,
	0x09, 0x20, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x96, 0x51, 0x01, 0x82, 0x02, 0x01,
	0xC0,
}

func (s *Scanner) reports() []byte {
	if s.opts.Swipes {
		return swipeReports
	}
	return keyboardReports
}

// Control implements usbip.Device.
func (s *Scanner) Control(
	_ context.Context, setup usbip.Setup, _ []byte,
) ([]byte, error) {
	in, err := s.control(setup)
	if err != nil {
		return nil, err
	}
	return in[:min(len(in), int(setup.Length))], nil
}

func (s *Scanner) control(setup usbip.Setup) ([]byte, error) {
	select {
	case <-s.plugged:
		return nil, devices.ErrUnplugged
	default:
	}
	switch uint16(setup.RequestType)<<8 | uint16(setup.Request) {
	case getDescriptor, classDescriptor:
		return s.descriptor(setup)
	case getReport:
		return make([]byte, 8), nil
	case setReport, setConfiguration, setInterface, setIdle, setProtocol, clearFeature:
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

func (s *Scanner) descriptor(setup usbip.Setup) ([]byte, error) {
	switch setup.Value >> 8 {
	case typeDevice:
		return s.Descriptor(), nil
	case typeConfig:
		return s.configDescriptor(), nil
	case typeReport:
		return s.reports(), nil
	case typeString:
		return s.text(byte(setup.Value))
	}
	return nil, usbip.ErrStall
}

// text answers a string descriptor.
func (s *Scanner) text(index byte) ([]byte, error) {
	if index == 0 {
		return []byte{4, typeString, 0x09, 0x04}, nil
	}
	text, ok := map[byte]string{1: "Virtual", 2: "Card scanner", 3: s.opts.Serial}[index]
	if !ok {
		return nil, usbip.ErrStall
	}
	d := []byte{0, typeString}
	for _, unit := range utf16.Encode([]rune(text)) {
		d = binary.LittleEndian.AppendUint16(d, unit)
	}
	d[0] = byte(len(d))
	return d, nil
}

// In implements usbip.Device: a host that does not poll for long gets nothing of what is old.
func (s *Scanner) In(ctx context.Context, _ uint8, length int) ([]byte, error) {
	for {
		changed := s.changed.wait()
		packet, due, err := s.next(time.Now())
		if err != nil || packet != nil {
			return packet[:min(len(packet), length)], err
		}
		if err := sleep(ctx, changed, due); err != nil {
			return nil, err
		}
	}
}

func (s *Scanner) next(now time.Time) (packet []byte, due time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.plugged:
		return nil, due, devices.ErrUnplugged
	default:
	}
	for len(s.queue) > 0 && now.Sub(s.queue[0].at) > untakenAfter {
		s.queue = s.queue[1:]
	}
	switch {
	case len(s.queue) == 0:
		return nil, due, nil
	case s.queue[0].at.After(now):
		return nil, s.queue[0].at, nil
	}
	packet = s.queue[0].data
	s.queue = s.queue[1:]
	return packet, due, nil
}

// Out implements usbip.Device: there is no such endpoint.
func (s *Scanner) Out(context.Context, uint8, []byte) error {
	return usbip.ErrStall
}
