package virtual

import (
	"encoding/binary"
)

// fidoReportSize is the packet of both directions of the FIDO interface.
const fidoReportSize = 64

// CTAPHID commands (CTAP 2 section 11.2.9) and Yubico's own for the device information.
const (
	fidoPing       = 0x81
	fidoInit       = 0x86
	fidoError      = 0xBF
	fidoReadConfig = 0xC2

	fidoInvalidCommand = 0x01
	fidoChannel        = 1
)

// fidoAnswers answers one CTAPHID packet. The FIDO side knows how to be found and no more: without
// an answer to INIT some hosts wait for ever. Continuation packets get none.
func (k *Key) fidoAnswers(packet []byte) [][]byte {
	if len(packet) != fidoReportSize || packet[4]&0x80 == 0 {
		return nil
	}
	channel := binary.BigEndian.Uint32(packet)
	data := packet[7:]
	if n := int(binary.BigEndian.Uint16(packet[5:])); n < len(data) {
		data = data[:n]
	}
	switch command := packet[4]; command {
	case fidoInit:
		answer := append([]byte(nil), data[:min(8, len(data))]...)
		answer = binary.BigEndian.AppendUint32(answer, fidoChannel)
		answer = append(answer, 2)
		answer = append(answer, k.opts.Firmware[:]...)
		return fidoPackets(channel, command, append(answer, 0x01)) // WINK, no CBOR, no more
	case fidoPing:
		return fidoPackets(channel, command, data)
	case fidoReadConfig:
		return fidoPackets(channel, command, k.deviceInfo([payloadSize]byte{}))
	default:
		return fidoPackets(channel, fidoError, []byte{fidoInvalidCommand})
	}
}

// fidoPackets cuts a message: 57 bytes in the first packet, 59 in each that continues it.
func fidoPackets(channel uint32, command byte, message []byte) [][]byte {
	head := binary.BigEndian.AppendUint32(nil, channel)
	first := append(append([]byte(nil), head...), command, 0, 0)
	binary.BigEndian.PutUint16(first[5:], uint16(len(message)))
	packets := [][]byte{first}
	for sequence := byte(0); ; sequence++ {
		last := &packets[len(packets)-1]
		n := min(len(message), fidoReportSize-len(*last))
		*last = append(*last, message[:n]...)
		*last = append(*last, make([]byte, fidoReportSize-len(*last))...)
		message = message[n:]
		if len(message) == 0 {
			return packets
		}
		packets = append(packets, append(append([]byte(nil), head...), sequence))
	}
}

// ccidAnswer answers one CCID message as a reader without a card (CCID 1.1 section 6.2): the
// smart-card side is there to be seen and has nothing in it.
func ccidAnswer(message []byte) []byte {
	const (
		headerSize = 10
		powerOn    = 0x62
		transmit   = 0x6F
		noCard     = 0x02
		failed     = 0x40
		mute       = 0xFE
	)
	header := make([]byte, headerSize)
	copy(header, message)
	answer := make([]byte, headerSize)
	answer[0] = 0x81 // slot status
	if header[0] == powerOn || header[0] == transmit {
		answer[0] = 0x80 // data block
	}
	copy(answer[5:7], header[5:7]) // slot and sequence
	answer[7], answer[8] = failed|noCard, mute
	return answer
}
