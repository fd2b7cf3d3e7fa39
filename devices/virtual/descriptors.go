package virtual

import (
	"encoding/binary"
	"unicode/utf16"
)

// Descriptor types (USB 2.0 table 9-5, HID 1.11 section 7.1) and endpoints, as a YubiKey 5 numbers
// them.
const (
	typeDevice    = 0x01
	typeConfig    = 0x02
	typeString    = 0x03
	typeInterface = 0x04
	typeEndpoint  = 0x05
	typeHID       = 0x21
	typeReport    = 0x22

	endpointKeyboard = 0x81
	endpointFIDOOut  = 0x04
	endpointFIDOIn   = 0x84
	endpointCCIDOut  = 0x02
	endpointCCIDIn   = 0x82
	endpointCCIDTell = 0x83

	transferBulk      = 0x02
	transferInterrupt = 0x03
)

// keyboardReports describes a boot keyboard (HID 1.11 appendix B.1) with one more thing: the
// 8-byte feature report that carries the OTP protocol.
var keyboardReports = []byte{
	0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, // generic desktop, keyboard
	0x05, 0x07, 0x19, 0xE0, 0x29, 0xE7, 0x15, 0x00, 0x25, 0x01, // eight modifiers
	0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
	0x95, 0x01, 0x75, 0x08, 0x81, 0x01, // reserved byte
	0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, // five LEDs
	0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
	0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, // six keys
	0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00,
	0x09, 0x03, 0x75, 0x08, 0x95, 0x08, 0xB1, 0x02, // the feature report
	0xC0,
}

// fidoReports is usage page F1D0 with 64 bytes each way (CTAP 2 section 11.2.8.2).
var fidoReports = []byte{
	0x06, 0xD0, 0xF1, 0x09, 0x01, 0xA1, 0x01,
	0x09, 0x20, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02,
	0x09, 0x21, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02,
	0xC0,
}

// ccidClass is the functional descriptor of a one-slot reader (CCID 1.1 section 5.1): T=1, short
// and extended APDUs.
var ccidClass = []byte{
	54, typeHID, 0x10, 0x01, 0x00, 0x07, 0x02, 0x00, 0x00, 0x00,
	0xA0, 0x0F, 0x00, 0x00, 0xA0, 0x0F, 0x00, 0x00, 0x00, // clock 4 MHz
	0x00, 0xB0, 0x04, 0x00, 0x00, 0xB0, 0x04, 0x00, 0x00, // 307200 bit/s
	0x00, 0x0C, 0x00, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
	0xFE, 0x00, 0x04, 0x00, // features
	0x00, 0x0C, 0x00, 0x00, 0xFF, 0xFF, 0, 0, 0, 1,
}

// deviceDescriptor is what the host reads first.
func (k *Key) deviceDescriptor() []byte {
	d := []byte{18, typeDevice, 0x00, 0x02, 0, 0, 0, 64}
	d = binary.LittleEndian.AppendUint16(d, Vendor)
	d = binary.LittleEndian.AppendUint16(d, k.opts.Product)
	d = binary.LittleEndian.AppendUint16(d, k.release())
	return append(d, 1, 2, 0, 1) // manufacturer, product, no serial, one configuration
}

// configDescriptor holds the interfaces the product id promises: bus powered, 30 mA.
func (k *Key) configDescriptor() []byte {
	m := models[k.opts.Product]
	var body []byte
	n := byte(0)
	if m.otp {
		body = append(body, hidInterface(n, 1, 1, len(keyboardReports))...)
		body = append(body, endpoint(endpointKeyboard, transferInterrupt, reportSize, 10)...)
		n++
	}
	if m.fido {
		body = append(body, hidInterface(n, 0, 0, len(fidoReports))...)
		body = append(body, endpoint(endpointFIDOOut, transferInterrupt, fidoReportSize, 2)...)
		body = append(body, endpoint(endpointFIDOIn, transferInterrupt, fidoReportSize, 2)...)
		n++
	}
	if m.ccid {
		body = append(body, 9, typeInterface, n, 0, 3, 0x0B, 0, 0, 0)
		body = append(body, ccidClass...)
		body = append(body, endpoint(endpointCCIDOut, transferBulk, 64, 0)...)
		body = append(body, endpoint(endpointCCIDIn, transferBulk, 64, 0)...)
		body = append(body, endpoint(endpointCCIDTell, transferInterrupt, 8, 32)...)
		n++
	}
	head := []byte{9, typeConfig}
	head = binary.LittleEndian.AppendUint16(head, uint16(9+len(body)))
	return append(append(head, n, 1, 0, 0x80, 15), body...)
}

// hidInterface is an interface descriptor with its HID descriptor.
func hidInterface(number, subclass, protocol byte, reports int) []byte {
	endpoints := byte(2)
	if subclass == 1 {
		endpoints = 1
	}
	return []byte{
		9, typeInterface, number, 0, endpoints, 0x03, subclass, protocol, 0,
		9, typeHID, 0x10, 0x01, 0, 1, typeReport, byte(reports), 0,
	}
}

func endpoint(address, transfer, size, interval byte) []byte {
	return []byte{7, typeEndpoint, address, transfer, size, 0, interval}
}

// stringDescriptor answers string index; nil when there is none.
func (k *Key) stringDescriptor(index byte) []byte {
	return textDescriptor(index, map[byte]string{1: "Yubico", 2: models[k.opts.Product].name})
}

// textDescriptor is the string descriptor of an index (USB 2.0 section 9.6.7); nil when there is
// none.
func textDescriptor(index byte, texts map[byte]string) []byte {
	if index == 0 {
		return []byte{4, typeString, 0x09, 0x04} // US English
	}
	text, ok := texts[index]
	if !ok {
		return nil
	}
	d := []byte{0, typeString}
	for _, unit := range utf16.Encode([]rune(text)) {
		d = binary.LittleEndian.AppendUint16(d, unit)
	}
	d[0] = byte(len(d))
	return d
}
