package virtual

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// SmartCard is a card to put into a CardReader: one that only has a UID, or one with files that
// anybody may read.
type SmartCard struct {
	// ATR is its answer to reset; empty means that of a contactless storage card (PC/SC part 3
	// section 3.1.3.2.3), or one that offers T=0 only where there is no UID.
	ATR []byte
	// UID is what a contactless reader gives for FF CA; empty for a card with contacts.
	UID []byte
	// Random makes the card choose another UID of four bytes, the first 08, at every reset
	// (ISO 14443-3).
	Random bool
	// Files are its top level.
	Files []*CardFile

	at *CardFile
	// resets counts, for what changes at each.
	resets uint32
}

// CardFile is an application, a folder or a file with content.
type CardFile struct {
	ID      uint16
	AID     []byte
	Content []byte
	Files   []*CardFile
}

// Status words (ISO 7816-4 section 5.6).
const (
	swOK          = 0x9000
	swLength      = 0x6700
	swNoFile      = 0x6A82
	swNoEF        = 0x6986
	swParameters  = 0x6A86
	swOffset      = 0x6B00
	swInstruction = 0x6D00
	swClass       = 0x6E00
	swUnsupported = 0x6A81
	swRightLength = 0x6C00
	swMore        = 0x6100
)

// cardCommand is a command as the card sees it. le is 0 where no answer is wanted.
type cardCommand struct {
	cla, ins, p1, p2 byte
	data             []byte
	le               int
}

var errCommand = errors.New("not a command")

// readCommand takes a command APDU apart (ISO 7816-4 section 5.1).
func readCommand(apdu []byte) (cardCommand, error) {
	if len(apdu) < 4 {
		return cardCommand{}, errCommand
	}
	c := cardCommand{cla: apdu[0], ins: apdu[1], p1: apdu[2], p2: apdu[3]}
	body, width := apdu[4:], 1
	if len(body) > 2 && body[0] == 0 {
		body, width = body[1:], 2
	}
	number := func(b []byte) int {
		if width == 1 {
			return int(b[0])
		}
		return int(binary.BigEndian.Uint16(b))
	}
	most := map[int]int{1: 256, 2: 65536}[width]
	if len(body) > width {
		n := number(body)
		if n == 0 || len(body) < width+n {
			return cardCommand{}, errCommand
		}
		c.data, body = body[width:width+n], body[width+n:]
	}
	switch len(body) {
	case 0:
		return c, nil
	case width:
		if c.le = number(body); c.le == 0 {
			c.le = most
		}
		return c, nil
	}
	return cardCommand{}, errCommand
}

// reset is power or a reset: everything selected is forgotten.
func (c *SmartCard) reset() []byte {
	c.at = nil
	c.resets++
	switch {
	case len(c.ATR) > 0:
		return c.ATR
	case len(c.UID) > 0 || c.Random:
		return []byte{0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06, 0x03,
			0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x6A}
	}
	return []byte{0x3B, 0x02, 0x14, 0x50}
}

// Respond answers a command APDU.
func (c *SmartCard) Respond(apdu []byte) []byte {
	command, err := readCommand(apdu)
	if err != nil {
		return status(nil, swLength)
	}
	data, sw := c.execute(command)
	return status(data, sw)
}

func status(data []byte, sw uint16) []byte {
	return binary.BigEndian.AppendUint16(slices.Clone(data), sw)
}

func (c *SmartCard) execute(command cardCommand) ([]byte, uint16) {
	switch {
	case command.cla == 0xFF:
		return c.pseudo(command)
	case command.cla&0xFC != 0:
		return nil, swClass
	}
	switch command.ins {
	case 0xA4:
		return c.choose(command)
	case 0xB0:
		return c.readBinary(command)
	case 0xD6:
		return nil, c.updateBinary(command)
	}
	return nil, swInstruction
}

// pseudo answers what a contactless reader answers in the card's stead (PC/SC part 3 section
// 3.2.2.1.3).
func (c *SmartCard) pseudo(command cardCommand) ([]byte, uint16) {
	uid := c.UID
	if c.Random {
		uid = binary.BigEndian.AppendUint32(nil, 0x08000000|c.resets*2654435761>>8)
	}
	switch {
	case command.ins != 0xCA || len(uid) == 0:
		return nil, swInstruction
	case command.p1 != 0 || command.p2 != 0:
		return nil, swUnsupported
	}
	return fit(uid, command.le)
}

// fit gives exactly what was asked for, all there is for 256 or 65536, or the right length.
func fit(data []byte, le int) ([]byte, uint16) {
	switch {
	case le == 0 || le == len(data) || le == 256 && len(data) < 256 || le == 65536:
		return data, swOK
	case le > len(data):
		return nil, swRightLength | uint16(byte(len(data)))
	}
	return data[:le], swOK
}

// choose is SELECT by name or by identifier (ISO 7816-4 section 11.2.2): among the files of what is
// selected, or of the top level.
func (c *SmartCard) choose(command cardCommand) ([]byte, uint16) {
	matches := func(f *CardFile) bool {
		if command.p1 == 4 {
			return len(f.AID) > 0 && bytes.Equal(f.AID, command.data)
		}
		return len(command.data) == 2 && f.ID == binary.BigEndian.Uint16(command.data)
	}
	if command.p1 != 0 && command.p1 != 4 || command.p2 != 0 && command.p2 != 0x0C {
		return nil, swParameters
	}
	lists := [][]*CardFile{c.Files}
	if c.at != nil && command.p1 == 0 {
		lists = [][]*CardFile{c.at.Files, c.Files}
	}
	for _, list := range lists {
		if i := slices.IndexFunc(list, matches); i >= 0 {
			c.at = list[i]
			if command.p2 == 0x0C {
				return nil, swOK
			}
			return []byte{0x6F, 0x04, 0x84, 0x02, byte(c.at.ID >> 8), byte(c.at.ID)}, swOK
		}
	}
	return nil, swNoFile
}

func (c *SmartCard) readBinary(command cardCommand) ([]byte, uint16) {
	offset := int(command.p1)<<8 | int(command.p2)
	switch {
	case c.at == nil || c.at.Content == nil:
		return nil, swNoEF
	case offset >= len(c.at.Content):
		return nil, swOffset
	}
	return fit(c.at.Content[offset:], command.le)
}

func (c *SmartCard) updateBinary(command cardCommand) uint16 {
	offset := int(command.p1)<<8 | int(command.p2)
	switch {
	case c.at == nil || c.at.Content == nil:
		return swNoEF
	case offset+len(command.data) > len(c.at.Content):
		return swOffset
	}
	copy(c.at.Content[offset:], command.data)
	return swOK
}
