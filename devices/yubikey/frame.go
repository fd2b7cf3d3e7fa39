package yubikey

import "encoding/binary"

// A frame carries one command to the token (ykdef.h, struct frame_st): 64 bytes of payload, the
// command, the CRC of the payload, three bytes of filler. It travels in ten parts of seven bytes.
const (
	payloadSize = 64
	frameSize   = 70
	partSize    = 7
	lastPart    = frameSize/partSize - 1
	reportSize  = 8
)

// The flags in the last byte of a feature report (ykdef.h). The low five bits are a number.
const (
	flagWrite   = 0x80 // set by us with each part; kept by the token until it has taken the part
	flagPending = 0x40 // a chunk of a response is in the report
	flagTouch   = 0x20 // the token waits for a touch
	maskNumber  = 0x1f
	resetNumber = 0x8f // the "dummy write" that ends any exchange
)

// command is the byte that says what a payload is for (ykdef.h, SLOT_*).
type command byte

// The commands this driver sends.
const (
	cmdConfig1 command = 0x01
	cmdConfig2 command = 0x03
	cmdUpdate1 command = 0x04
	cmdUpdate2 command = 0x05
	cmdSerial  command = 0x10
	cmdScanMap command = 0x12
	cmdInfo    command = 0x13
	cmdHMAC1   command = 0x30
	cmdHMAC2   command = 0x38
)

// frame is one command as it goes over the wire. It may hold a seed: whoever makes one wipes it.
type frame [frameSize]byte

// newFrame builds the frame of a command. A payload longer than 64 bytes is a programmer's mistake.
func newFrame(cmd command, payload []byte) *frame {
	var f frame
	if copy(f[:payloadSize], payload) < len(payload) {
		panic("yubikey: payload does not fit a frame")
	}
	f[payloadSize] = byte(cmd)
	binary.LittleEndian.PutUint16(f[payloadSize+1:], crc16(f[:payloadSize]))
	return &f
}

// wipe overwrites the frame.
func (f *frame) wipe() { clear(f[:]) }

// part writes the feature report of part n into report and says whether it has to be sent: the
// token takes a missing part for zeros, except the first, which starts a frame, and the last, which
// ends it (ykcore.c, yk_write_to_key).
func (f *frame) part(n int, report *[reportSize]byte) (needed bool) {
	var any byte
	for i, b := range f[n*partSize : (n+1)*partSize] {
		report[i] = b
		any |= b
	}
	report[partSize] = flagWrite | byte(n)
	return any != 0 || n == 0 || n == lastPart
}

// crcResidual is the CRC of any data followed by the complement of its own CRC, little endian.
const crcResidual = 0xf0b8

// crc16 is the CRC of ISO/IEC 13239 without the final inversion: reflected polynomial 0x8408,
// starting from 0xffff (ykcore.h, yubikey_crc16).
func crc16(data []byte) uint16 {
	crc := uint16(0xffff)
	for _, b := range data {
		crc ^= uint16(b)
		for range 8 {
			odd := crc & 1
			crc >>= 1
			if odd != 0 {
				crc ^= 0x8408
			}
		}
	}
	return crc
}
