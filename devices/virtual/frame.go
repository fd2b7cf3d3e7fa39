package virtual

import "encoding/binary"

// Sizes of the feature-report transport (ykdef.h: FEATURE_RPT_SIZE, YK_FRAME).
const (
	reportSize  = 8
	partSize    = 7
	payloadSize = 64
	frameSize   = 70
	lastPart    = frameSize/partSize - 1
)

// Flags in the last byte of a feature report.
const (
	flagSlotWrite   = 0x80
	flagRespPending = 0x40
	flagTouchWait   = 0x20
	flagNumber      = 0x1F
)

// A frame is one complete command as the host sent it.
type frame struct {
	payload [payloadSize]byte
	command byte
}

// assembler puts a frame together from its parts. Parts that are all zero may be left out, so a
// part is only required to have a higher number than the one before; number 0 starts afresh.
type assembler struct {
	bytes [frameSize]byte
	// next is the lowest part number that may follow; 0 waits for a first part.
	next int
}

// take accepts one feature report. It reports true when the report completed a frame whose
// checksum is right.
func (a *assembler) take(report [reportSize]byte) (frame, bool) {
	flags := report[partSize]
	number := int(flags & flagNumber)
	inOrder := number == 0 || a.next > 0 && number >= a.next
	if flags&flagSlotWrite == 0 || number > lastPart || !inOrder {
		*a = assembler{}
		return frame{}, false
	}
	if number == 0 {
		*a = assembler{}
	}
	copy(a.bytes[number*partSize:], report[:partSize])
	a.next = number + 1
	if number < lastPart {
		return frame{}, false
	}
	f, ok := parseFrame(a.bytes)
	*a = assembler{}
	return f, ok
}

// parseFrame checks the 70 bytes: payload, command, CRC of the payload (little endian, not
// complemented, not covering the command), three bytes of filler.
func parseFrame(b [frameSize]byte) (frame, bool) {
	f := frame{command: b[payloadSize]}
	copy(f.payload[:], b[:payloadSize])
	return f, binary.LittleEndian.Uint16(b[payloadSize+1:]) == crc16(b[:payloadSize])
}

// isReset tells the "dummy write" that ends an exchange: 8F, or FF as ykman sends it.
func isReset(report [reportSize]byte) bool {
	return report == [reportSize]byte{7: 0x8F} || report == [reportSize]byte{7: 0xFF}
}
