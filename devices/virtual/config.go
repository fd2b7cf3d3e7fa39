package virtual

import "encoding/binary"

// configSize is the length of a slot configuration (ykdef.h: struct config_st).
const configSize = 52

// Ticket, configuration and extended flags we act on (ykdef.h: TKTFLAG_, CFGFLAG_, EXTFLAG_).
const (
	tktTabFirst    = 0x01
	tktTabAfterID  = 0x02
	tktTabAtEnd    = 0x04
	tktDelayID     = 0x08
	tktDelayOTP    = 0x10
	tktAppendCR    = 0x20
	tktOATH        = 0x40 // challenge-response when cfgStatic is set too
	tktProtectCfg2 = 0x80
	tktUpdatable   = 0x3F

	cfgHOTP8      = 0x02
	cfgPacing10   = 0x04
	cfgPacing20   = 0x08
	cfgModhex1    = 0x10
	cfgStatic     = 0x20
	cfgModhex2    = 0x40
	cfgUpdatable  = 0x0C
	cfgRespNeedsT = 0x08 // challenge-response: the answer needs a touch
	cfgRespShort  = 0x04 // challenge-response: the challenge has less than 64 bytes
	cfgRespHMAC   = 0x22 // challenge-response: HMAC-SHA1

	extSerialAPI   = 0x04
	extKeypad      = 0x08
	extAllowUpdate = 0x20
	extDormant     = 0x40
	extLEDInverted = 0x80
)

// A config is the content of one slot as the host wrote it.
type config struct {
	fixed         [16]byte
	uid           [6]byte
	key           [16]byte
	access        [6]byte
	fixedSize     byte
	ext, tkt, cfg byte
}

// parseConfig reads 52 bytes. It refuses a wrong inner checksum, reserved bytes that are not zero,
// and a fixed part longer than its field.
func parseConfig(b [configSize]byte) (config, bool) {
	var c config
	copy(c.fixed[:], b[0:16])
	copy(c.uid[:], b[16:22])
	copy(c.key[:], b[22:38])
	copy(c.access[:], b[38:44])
	c.fixedSize, c.ext, c.tkt, c.cfg = b[44], b[45], b[46], b[47]
	ok := crc16(b[:]) == crcResidual && b[48] == 0 && b[49] == 0 && c.fixedSize <= 16
	return c, ok
}

// bytes is the inverse of parseConfig.
func (c config) bytes() [configSize]byte {
	var b [configSize]byte
	copy(b[0:], c.fixed[:])
	copy(b[16:], c.uid[:])
	copy(b[22:], c.key[:])
	copy(b[38:], c.access[:])
	b[44], b[45], b[46], b[47] = c.fixedSize, c.ext, c.tkt, c.cfg
	binary.LittleEndian.PutUint16(b[50:], ^crc16(b[:50]))
	return b
}

// kind is what a slot does when touched.
type kind int

const (
	kindYubicoOTP kind = iota
	kindHOTP
	kindStatic
	kindChallenge
)

func (c config) kind() kind {
	switch oath, static := c.tkt&tktOATH != 0, c.cfg&cfgStatic != 0; {
	case oath && static:
		return kindChallenge
	case oath:
		return kindHOTP
	case static:
		return kindStatic
	default:
		return kindYubicoOTP
	}
}

// secret is the 20-byte HOTP key: its first sixteen bytes are the key field, the rest opens uid.
func (c config) secret() []byte {
	return append(append([]byte(nil), c.key[:]...), c.uid[:4]...)
}

// movingFactor is the counter of the first OTP: the field holds a sixteenth of it.
func (c config) movingFactor() uint64 {
	return 16 * uint64(binary.BigEndian.Uint16(c.uid[4:]))
}

func (c config) digits() int {
	if c.cfg&cfgHOTP8 != 0 {
		return 8
	}
	return 6
}

// needsTouch is the status bit of a slot: only a challenge-response slot can do without.
func (c config) needsTouch() bool {
	return c.kind() != kindChallenge || c.cfg&cfgRespNeedsT != 0
}
