package virtual

import (
	"encoding/binary"
)

// Messages of CCID 1.1, sections 6.1 and 6.2.
const (
	ccidHeader = 10

	ccidSetParameters = 0x61
	ccidPowerOn       = 0x62
	ccidPowerOff      = 0x63
	ccidSlotStatus    = 0x65
	ccidGetParameters = 0x6C
	ccidReset         = 0x6D
	ccidExchange      = 0x6F
	ccidAbort         = 0x72

	ccidDataBlock  = 0x80
	ccidStatus     = 0x81
	ccidParameters = 0x82

	ccidFailed     = 0x40
	ccidMute       = 0xFE
	ccidHardware   = 0xFB
	ccidUnknown    = 0x00
	ccidBadSlot    = 5
	ccidBadLength  = 1
	ccidBadVoltage = 7
	ccidBadChain   = 8
	ccidProtocol   = 0xF6
)

// classDescriptor describes the reader (CCID 1.1 section 5.1).
func (r *CardReader) classDescriptor() []byte {
	d := append([]byte(nil), ccidClass...)
	d[4] = 0 // one slot
	if r.opts.Voltages != 0 {
		d[5] = r.opts.Voltages
	}
	protocols := uint32(3)
	switch {
	case r.opts.T1Only:
		protocols = 2
	case r.opts.Features == FeaturesTPDU:
		protocols = 1
	}
	binary.LittleEndian.PutUint32(d[6:], protocols)
	binary.LittleEndian.PutUint32(d[40:], r.opts.Features)
	binary.LittleEndian.PutUint32(d[44:], uint32(r.opts.MaxMessage))
	return d
}

// handle answers a whole message. The caller has the lock.
func (r *CardReader) handle(message []byte) []byte {
	kind, data := message[0], message[ccidHeader:]
	switch {
	case int(binary.LittleEndian.Uint32(message[1:])) != len(data):
		return r.refuse(message, ccidBadLength)
	case message[5] != 0:
		return r.refuse(message, ccidBadSlot)
	}
	switch kind {
	case ccidSlotStatus, ccidAbort:
		r.unseen = false
		return r.reply(message, nil, 0)
	case ccidPowerOff:
		r.powered, r.ready = false, false
		return r.reply(message, nil, 0)
	case ccidPowerOn:
		return r.powerOn(message)
	case ccidGetParameters, ccidReset, ccidSetParameters:
		return r.parameters(message, data)
	case ccidExchange:
		return r.exchange(message, data)
	}
	return r.refuse(message, ccidUnknown)
}

// answerKinds says which message answers which.
var answerKinds = map[byte]byte{
	ccidPowerOn: ccidDataBlock, ccidExchange: ccidDataBlock,
	ccidGetParameters: ccidParameters, ccidReset: ccidParameters, ccidSetParameters: ccidParameters,
}

// reply answers message with data; last is the last byte of the header.
func (r *CardReader) reply(message, data []byte, last byte) []byte {
	answer := make([]byte, ccidHeader, ccidHeader+len(data))
	answer[0] = ccidStatus
	if kind, ok := answerKinds[message[0]]; ok {
		answer[0] = kind
	}
	binary.LittleEndian.PutUint32(answer[1:], uint32(len(data)))
	copy(answer[5:7], message[5:7]) // slot and sequence
	switch {
	case r.card == nil:
		answer[7] = 2
	case !r.powered:
		answer[7] = 1
	}
	answer[9] = last
	return append(answer, data...)
}

// refuse answers that a command failed.
func (r *CardReader) refuse(message []byte, why byte) []byte {
	answer := r.reply(message, nil, 0)
	answer[7] |= ccidFailed
	answer[8] = why
	return answer
}

func (r *CardReader) powerOn(message []byte) []byte {
	voltage := message[7]
	automatic := r.opts.Features&0x08 != 0
	switch {
	case r.card == nil:
		return r.refuse(message, ccidMute)
	case voltage > 3, automatic != (voltage == 0),
		!automatic && r.opts.Voltages&(1<<(voltage-1)) == 0:
		return r.refuse(message, ccidBadVoltage)
	case strike(&r.fault.MuteCard), !automatic && r.opts.Needs != voltage:
		r.powered = false
		return r.refuse(message, ccidMute)
	}
	r.t0 = NewT0Card(r.card)
	atr := r.t0.Reset()
	r.powered, r.ready, r.command, r.response = true, false, nil, nil
	return r.reply(message, atr, 0)
}

// t0Parameters are the defaults of T=0 (CCID 1.1 section 6.2.3).
var t0Parameters = []byte{0x11, 0x00, 0x00, 0x0A, 0x00}

func (r *CardReader) parameters(message, data []byte) []byte {
	switch {
	case r.card == nil || !r.powered:
		return r.refuse(message, ccidMute)
	case message[0] != ccidSetParameters:
		return r.reply(message, t0Parameters, 0)
	case message[7] == 1 && len(data) == 7 && !r.charwise():
		return r.reply(message, data, 1)
	case message[7] != 0 || len(data) != len(t0Parameters):
		return r.refuse(message, 7)
	}
	r.ready = true
	return r.reply(message, data, 0)
}

// charwise says that the host speaks T=0 through this reader.
func (r *CardReader) charwise() bool { return r.opts.Features&0x00070000 == 0x00010000 }

// exchange is XfrBlock (CCID 1.1 section 6.1.4).
func (r *CardReader) exchange(message, data []byte) []byte {
	chain := binary.LittleEndian.Uint16(message[8:])
	switch {
	case r.card == nil || !r.powered:
		return r.refuse(message, ccidMute)
	case r.opts.Features&0x00070000 == 0, r.charwise() && !r.ready:
		return r.refuse(message, ccidProtocol)
	case strike(&r.fault.Broken):
		return r.refuse(message, ccidHardware)
	case r.charwise():
		return r.reply(message, r.t0.Respond(data), 0)
	case r.opts.Features&0x00040000 == 0:
		if chain != 0 || len(data) > 261 {
			return r.refuse(message, ccidBadChain)
		}
		return r.reply(message, r.card.Respond(data), 0)
	}
	return r.chained(message, data, chain)
}

// chained is the exchange at extended APDU level: commands and responses longer than a message come
// in parts.
func (r *CardReader) chained(message, data []byte, chain uint16) []byte {
	const whole, begins, ends, middle, goOn = 0, 1, 2, 3, 0x10
	inMiddle := len(r.command) > 0
	switch {
	case chain == goOn && len(data) == 0 && len(r.response) > 0:
		return r.part(message, middle, ends)
	case chain == begins && !inMiddle, chain == middle && inMiddle:
		r.command = append(r.command, data...)
		return r.reply(message, nil, goOn)
	case chain == ends && inMiddle, chain == whole && !inMiddle:
		command := append(r.command, data...)
		r.command, r.response = nil, r.card.Respond(command)
		return r.part(message, begins, whole)
	}
	r.command, r.response = nil, nil
	return r.refuse(message, ccidBadChain)
}

// part gives as much of the response as a message holds: more where something remains, last where
// nothing does.
func (r *CardReader) part(message []byte, more, last byte) []byte {
	room := r.opts.MaxMessage - ccidHeader
	if len(r.response) <= room {
		rest := r.response
		r.response = nil
		return r.reply(message, rest, last)
	}
	now := r.response[:room]
	r.response = r.response[room:]
	return r.reply(message, now, more)
}
