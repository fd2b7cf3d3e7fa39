package yubikey

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Offsets in the payload of a configuration (ykdef.h, struct config_st, then the current code).
const (
	atUID     = 16
	atKey     = 22
	atNewCode = 38
	atExt     = 45
	atTicket  = 46
	atConfig  = 47
	atCRC     = 50
	atCurrent = 52
	codeSize  = 6
	keySize   = 16
	seedSize  = 20
)

// The flags this driver sets (ykdef.h, TKTFLAG_*, CFGFLAG_*, EXTFLAG_*).
const (
	ticketEnter = 0x20
	ticketHOTP  = 0x40
	configHOTP8 = 0x02
	// A challenge-response slot (TKTFLAG_CHAL_RESP; CFGFLAG_CHAL_HMAC, CFGFLAG_HMAC_LT64,
	// CFGFLAG_CHAL_BTN_TRIG).
	ticketChallenge = 0x40
	configHMAC      = 0x22
	configShort     = 0x04
	configTouch     = 0x08

	extSerialAPI = 0x04
	extAllowEdit = 0x20
)

// payload is 52 bytes of configuration, the current access code and filler. All zero erases.
type payload [payloadSize]byte

// wipe overwrites the payload.
func (p *payload) wipe() { clear(p[:]) }

// hotpPayload lays an OATH-HOTP credential out. The 20 bytes of the seed are split: the first 16
// are the key, the last four begin the uid field, whose other two bytes are the initial counter
// (divided by 16, here zero).
func hotpPayload(c provisioning.SlotConfig, fw firmware) *payload {
	var p payload
	seed := c.Seed.Expose()
	copy(p[atKey:atKey+keySize], seed)
	copy(p[atUID:], seed[keySize:])
	clear(seed)
	p[atTicket] = ticketHOTP | enterFlag(c.Enter)
	if c.Digits == 8 {
		p[atConfig] = configHOTP8
	}
	p.finish(fw, c.Current, c.New)
	return &p
}

// updatePayload lays out new flags for a slot that keeps its secret. The token takes only the flags
// its update masks allow (ykdef.h, *_UPDATE_MASK); what is not named is reset.
func updatePayload(s Settings, fw firmware) *payload {
	var p payload
	p[atTicket] = enterFlag(s.Enter)
	p.finish(fw, s.Current, s.New)
	return &p
}

// erasePayload is 52 zero bytes, without a CRC of their own, and the current code.
func erasePayload(current secret.AccessCode) *payload {
	var p payload
	p.putCode(atCurrent, current)
	return &p
}

// finish sets what every configuration has: the serial stays readable through the API (a token
// whose serial cannot be read cannot be lent), flags may be updated later, both access codes, the
// CRC.
//
// FAST_TRIG is left out: it acts only while slot 1 alone is configured, and from firmware 3.0 on
// the token does that by itself.
func (p *payload) finish(fw firmware, current, next secret.AccessCode) {
	p[atExt] = extSerialAPI
	if fw >= firmwareUpdate {
		p[atExt] |= extAllowEdit
	}
	p.putCode(atNewCode, next)
	p.putCode(atCurrent, current)
	p.finishCRC()
}

// finishCRC sets the CRC over the 50 bytes before it, complemented.
func (p *payload) finishCRC() {
	binary.LittleEndian.PutUint16(p[atCRC:], ^crc16(p[:atCRC]))
}

func (p *payload) putCode(at int, code secret.AccessCode) {
	raw := code.Expose()
	copy(p[at:at+codeSize], raw)
	clear(raw)
}

func enterFlag(enter bool) byte {
	if enter {
		return ticketEnter
	}
	return 0
}

// checkConfig refuses what this driver cannot write, before the token is asked anything.
func checkConfig(c provisioning.SlotConfig) error {
	if c.Seed.Len() != seedSize {
		return fmt.Errorf("a seed has %d bytes, not %d", seedSize, c.Seed.Len())
	}
	if c.Digits != 6 && c.Digits != 8 {
		return fmt.Errorf("the token types 6 or 8 digits, not %d", c.Digits)
	}
	return errors.Join(checkSlot(c.Slot), checkCode(c.Current), checkCode(c.New))
}

func checkSlot(slot int) error {
	if slot != 1 && slot != 2 {
		return fmt.Errorf("the token has slots 1 and 2, not %d", slot)
	}
	return nil
}

// checkCode refuses a code of the wrong length, and one of zeros: the token takes it for "no code".
func checkCode(code secret.AccessCode) error {
	if code.IsZero() {
		return nil
	}
	raw := code.Expose()
	defer clear(raw)
	var any byte
	for _, b := range raw {
		any |= b
	}
	if len(raw) != codeSize || any == 0 {
		return fmt.Errorf("an access code has %d bytes and is not all zero", codeSize)
	}
	return nil
}
