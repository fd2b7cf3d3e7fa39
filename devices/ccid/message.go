package ccid

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// Message types (CCID 1.1 sections 6.1 to 6.3).
const (
	outPowerOn       = 0x62
	outPowerOff      = 0x63
	outSlotStatus    = 0x65
	outExchange      = 0x6F
	outSetParameters = 0x61

	inDataBlock  = 0x80
	inSlotStatus = 0x81
	inParameters = 0x82

	eventSlotChange = 0x50
)

// headerSize is the fixed part of every bulk message.
const headerSize = 10

// answers says which message answers which.
var answers = map[byte]byte{
	outPowerOn: inDataBlock, outPowerOff: inSlotStatus, outSlotStatus: inSlotStatus,
	outExchange: inDataBlock, outSetParameters: inParameters,
}

// Chain values of an exchange at extended APDU level (CCID 1.1 section 6.1.4, wLevelParameter, and
// 6.2.1, bChainParameter).
const (
	chainWhole    = 0x00
	chainBegins   = 0x01
	chainEnds     = 0x02
	chainMiddle   = 0x03
	chainContinue = 0x10 // an empty message: go on
)

// Errors of a slot.
var (
	// ErrNoCard: there is no card in the slot, or the one that was there has gone.
	ErrNoCard = errors.New("no card in the reader")
	// ErrMute: the card does not answer.
	ErrMute = errors.New("the card does not answer")
	// errGarbled is an answer that no reader may give.
	errGarbled = errors.New("the reader gave a garbled message")
)

// Error is a command that a reader refused (CCID 1.1 table 6.2-2).
type Error struct {
	// Code is bError.
	Code byte
}

// Error says what the code means.
func (e *Error) Error() string {
	for _, known := range []struct {
		code byte
		text string
	}{
		{0xFF, "the command was aborted"}, {0xFC, "overrun while talking to the card"},
		{0xFD, "parity error while talking to the card"}, {0xFB, "hardware error of the reader"},
		{0xF8, "bad start of the answer to reset"}, {0xF7, "bad check of the answer to reset"},
		{0xF6, "the reader does not speak the card's protocol"},
		{0xF5, "the reader does not support this class"}, {0xF4, "procedure byte conflict"},
		{0xF3, "the reader was deactivated"}, {0xF2, "busy with its own sequence"},
		{0xE0, "the slot is busy"}, {0x00, "the reader does not know this command"},
	} {
		if known.code == e.Code {
			return "reader: " + known.text
		}
	}
	if e.Code < 0x80 {
		return fmt.Sprintf("reader: it refused byte %d of the message", e.Code)
	}
	return fmt.Sprintf("reader: error %02X", e.Code)
}

// Unwrap makes what a reader cannot do devices.ErrUnsupported.
func (e *Error) Unwrap() error {
	switch e.Code {
	case 0x00, 0xF5, 0xF6:
		return devices.ErrUnsupported
	}
	return nil
}

// message is one message from the reader.
type message struct {
	kind, slot, seq byte
	status, fault   byte
	// chain is the last byte of the header: chain parameter of a data block, clock of a status.
	chain byte
	data  []byte
}

// presence is what the lower bits of bStatus say.
type presence byte

const (
	cardActive presence = iota
	cardInactive
	cardAbsent
)

func (m message) presence() presence { return presence(m.status & 3) }

// extends says that the reader asks for more time.
func (m message) extends() bool { return m.status&0xC0 == 0x80 }

// err is why a command failed.
func (m message) err() error {
	switch {
	case m.status&0xC0 != 0x40:
		return nil
	case m.presence() == cardAbsent:
		return ErrNoCard
	case m.fault == 0xFE:
		return ErrMute
	}
	return &Error{Code: m.fault}
}

// whole says why a response, which m ended, is none. Not every reader calls it a failure when the
// card has gone.
func (m message) whole(response []byte) error {
	switch {
	case len(response) >= 2:
		return nil
	case m.presence() == cardAbsent:
		return ErrNoCard
	case m.presence() == cardInactive:
		return ErrMute
	}
	return errGarbled
}

// parse reads a message whose length must be what it says.
func parse(raw []byte) (message, error) {
	if len(raw) < headerSize ||
		uint64(binary.LittleEndian.Uint32(raw[1:])) != uint64(len(raw)-headerSize) ||
		raw[7]&3 == 3 || raw[7]&0xC0 == 0xC0 {
		return message{}, errGarbled
	}
	return message{kind: raw[0], slot: raw[5], seq: raw[6], status: raw[7], fault: raw[8],
		chain: raw[9], data: raw[headerSize:]}, nil
}

// build writes a message to the reader.
func build(kind, slot, seq byte, own [3]byte, data []byte) []byte {
	raw := make([]byte, headerSize, headerSize+len(data))
	raw[0], raw[5], raw[6] = kind, slot, seq
	binary.LittleEndian.PutUint32(raw[1:], uint32(len(data)))
	copy(raw[7:], own[:])
	return append(raw, data...)
}

// slotChanged reads an event: two bits for each slot, the upper says that it changed (CCID 1.1
// section 6.3.1).
func slotChanged(event []byte, slot byte) bool {
	at := 1 + int(slot)/4
	if len(event) <= at || event[0] != eventSlotChange {
		return false
	}
	return event[at]>>(slot%4*2)&2 != 0
}
