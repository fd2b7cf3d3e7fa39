package usbip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Protocol numbers, usbip_protocol.rst. All fields are big endian.
const (
	version = 0x0111

	opReqDevlist = 0x8005
	opRepDevlist = 0x0005
	opReqImport  = 0x8003
	opRepImport  = 0x0003

	cmdSubmit = 1
	cmdUnlink = 2
	retSubmit = 3
	retUnlink = 4

	dirOut = 0
	dirIn  = 1
)

// Sizes on the wire.
const (
	opHeaderSize = 8
	busIDSize    = 32
	pathSize     = 256
	commandSize  = 48
	// maxTransfer bounds what a peer can make this process allocate. Tokens move 64 bytes at most, a
	// kernel asks for a page of descriptors at a time, and drivers of card readers for 64 KiB and a
	// header.
	maxTransfer = 1 << 17
)

// Negative errno values of a URB's status, as the kernel's own server sends them.
const (
	statusOK       int32 = 0
	statusStall    int32 = -32  // EPIPE
	statusUnlinked int32 = -104 // ECONNRESET
	statusOverflow int32 = -75  // EOVERFLOW
)

var (
	errVersion  = errors.New("usbip: not protocol version 1.1.1")
	errCommand  = errors.New("usbip: unknown command")
	errGone     = errors.New("usbip: the device is gone")
	errQueue    = errors.New("usbip: too many transfers wait on one endpoint")
	errTooLarge = errors.New("usbip: transfer too large")
	errString   = errors.New("usbip: malformed string field")
)

// opHeader begins every message of the listing phase.
type opHeader struct {
	Version uint16
	Code    uint16
	Status  uint32
}

func readOp(r io.Reader) (opHeader, error) {
	var h opHeader
	if err := binary.Read(r, binary.BigEndian, &h); err != nil {
		return opHeader{}, fmt.Errorf("read usbip request: %w", err)
	}
	if h.Version != version {
		return opHeader{}, errVersion
	}
	return h, nil
}

// deviceHead is a device as both listing and import describe it.
type deviceHead struct {
	Path          [pathSize]byte
	BusID         [busIDSize]byte
	BusNum        uint32
	DevNum        uint32
	Speed         uint32
	Vendor        uint16
	Product       uint16
	Release       uint16
	Class         uint8
	SubClass      uint8
	Protocol      uint8
	Configuration uint8
	NumConfigs    uint8
	NumInterfaces uint8
}

// readString takes a NUL-padded field; what follows the first NUL must be NUL as well.
func readString(field []byte) (string, error) {
	text, rest, _ := bytes.Cut(field, []byte{0})
	if len(bytes.Trim(rest, "\x00")) > 0 || len(text) == len(field) {
		return "", errString
	}
	return string(text), nil
}

// command is one 48-byte header of the transfer phase, either way.
type command struct {
	Command   uint32
	Seq       uint32
	DeviceID  uint32
	Direction uint32
	Endpoint  uint32
	// Body has the 28 bytes that differ by command.
	Body [28]byte
}

// submit is the body of CMD_SUBMIT.
type submit struct {
	Flags    uint32
	Length   int32
	Start    int32
	Packets  int32
	Interval int32
	Setup    [8]byte
}

// submitted is the body of RET_SUBMIT.
type submitted struct {
	Status  int32
	Length  int32
	Start   int32
	Packets int32
	Errors  int32
	Pad     [8]byte
}

// unlink is the body of CMD_UNLINK (Value is the victim's Seq) and of RET_UNLINK (Value is the
// status).
type unlink struct {
	Value uint32
	Pad   [24]byte
}

// body encodes the part of a command that differs. The arguments have fixed sizes of 28 bytes.
func body(v any) [28]byte {
	var b [28]byte
	if _, err := binary.Encode(b[:], binary.BigEndian, v); err != nil {
		panic("usbip: body of the wrong size") // a programmer's mistake
	}
	return b
}

// decode reads a body of 28 bytes.
func decode[T submit | submitted | unlink](b [28]byte) T {
	var v T
	if _, err := binary.Decode(b[:], binary.BigEndian, &v); err != nil {
		panic("usbip: body of the wrong size")
	}
	return v
}

// readCommand reads one request of the transfer phase and the data that follows it.
func readCommand(r io.Reader) (command, []byte, error) {
	var c command
	if err := binary.Read(r, binary.BigEndian, &c); err != nil {
		return command{}, nil, err
	}
	switch c.Command {
	case cmdUnlink:
		return c, nil, nil
	case cmdSubmit:
	default:
		return command{}, nil, errCommand
	}
	length := decode[submit](c.Body).Length
	if length < 0 || length > maxTransfer || c.Direction > dirIn || c.Endpoint > 15 {
		return command{}, nil, errTooLarge
	}
	if c.Direction == dirIn || length == 0 {
		return c, nil, nil
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(r, data); err != nil {
		return command{}, nil, fmt.Errorf("read usbip data: %w", err)
	}
	return c, data, nil
}

// writeCommand sends a header and its data as one write.
func writeCommand(w io.Writer, c command, data []byte) error {
	buf := make([]byte, 0, commandSize+len(data))
	buf, err := binary.Append(buf, binary.BigEndian, c)
	if err != nil {
		return fmt.Errorf("encode usbip command: %w", err)
	}
	if _, err := w.Write(append(buf, data...)); err != nil {
		return fmt.Errorf("write usbip command: %w", err)
	}
	return nil
}

// parseSetup decodes the SETUP packet (USB 2.0 section 9.3).
func parseSetup(b [8]byte) Setup {
	return Setup{
		RequestType: b[0],
		Request:     b[1],
		Value:       binary.LittleEndian.Uint16(b[2:]),
		Index:       binary.LittleEndian.Uint16(b[4:]),
		Length:      binary.LittleEndian.Uint16(b[6:]),
	}
}
