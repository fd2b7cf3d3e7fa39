package virtual

import "encoding/binary"

// Version is a firmware version.
type Version [3]byte

// before orders versions.
func (v Version) before(w Version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// A command is one entry of the slot command table (ykdef.h: SLOT_). It returns an answer without
// its checksum, or whether it changed the memory; neither means refused.
type command struct {
	since  Version
	change func(*memory, [payloadSize]byte) bool
	answer func(*Key, [payloadSize]byte) []byte
	// awaits is set where the answer may have to wait for a touch.
	awaits func(*Key, [payloadSize]byte) (answer []byte, touch bool)
}

// commands holds what this key can do. Yubico's own challenge (0x20, 0x28) and NDEF are refused by
// being absent.
var commands = map[byte]command{
	0x01: {change: func(m *memory, p [payloadSize]byte) bool { return m.write(0, p) }},
	0x03: {since: Version{2, 0, 0},
		change: func(m *memory, p [payloadSize]byte) bool { return m.write(1, p) }},
	0x04: {since: Version{2, 3, 0},
		change: func(m *memory, p [payloadSize]byte) bool { return m.update(0, p) }},
	0x05: {since: Version{2, 3, 0},
		change: func(m *memory, p [payloadSize]byte) bool { return m.update(1, p) }},
	0x06: {since: Version{2, 3, 0},
		change: func(m *memory, _ [payloadSize]byte) bool { return m.swap() }},
	0x10: {since: Version{2, 2, 0}, answer: (*Key).serialAnswer},
	0x12: {since: Version{3, 0, 0}, change: (*memory).setScanMap},
	0x13: {since: Version{4, 1, 0}, answer: (*Key).deviceInfo},
	0x30: {since: Version{2, 2, 0}, awaits: challenged(0)},
	0x38: {since: Version{2, 2, 0}, awaits: challenged(1)},
}

// serialAnswer is the serial, four bytes big endian, when it may be asked for.
func (k *Key) serialAnswer([payloadSize]byte) []byte {
	if !k.memory.serialVisible() {
		return nil
	}
	return binary.BigEndian.AppendUint32(nil, k.opts.Serial)
}

// Capability bits of the device information (YubiKit: CAPABILITY).
const (
	capOTP   = 0x001
	capU2F   = 0x002
	capCards = 0x038 // OpenPGP, PIV, OATH
	capFIDO2 = 0x200
)

// deviceInfo answers page 0: a length, then tag-length-value fields (YubiKit: DeviceInfo). There
// are no further pages.
func (k *Key) deviceInfo(payload [payloadSize]byte) []byte {
	if payload[0] != 0 {
		return nil
	}
	model := models[k.opts.Product]
	enabled := uint16(0)
	if model.otp {
		enabled |= capOTP
	}
	if model.fido {
		enabled |= capU2F | capFIDO2
	}
	if model.ccid {
		enabled |= capCards
	}
	const supported = capOTP | capU2F | capFIDO2 | capCards
	info := []byte{0x01, 2, supported >> 8, supported & 0xFF}
	info = append(info, 0x02, 4)
	info = binary.BigEndian.AppendUint32(info, k.opts.Serial)
	info = append(info, 0x03, 2, byte(enabled>>8), byte(enabled))
	info = append(info, 0x04, 1, 0x01) // form factor: USB-A keychain
	info = append(info, 0x05, 3)
	info = append(info, k.opts.Firmware[:]...)
	info = append(info, 0x06, 2, 0, 0, 0x07, 1, 15, 0x08, 1, 0, 0x0A, 1, 0)
	return append([]byte{byte(len(info))}, info...)
}
