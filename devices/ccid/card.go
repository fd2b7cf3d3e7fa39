package ccid

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// Card is a powered card in a slot.
type Card struct {
	slot *Slot
	atr  []byte
}

var _ devices.Card = (*Card)(nil)

// ATR is what the card answered to its reset.
func (c *Card) ATR() []byte { return c.atr }

// Transmit sends a command and returns the response with its status word. On a reader of TPDU level
// it does what ISO 7816-3 section 12.2 wants of whoever speaks T=0.
func (c *Card) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	if c.slot.card != c {
		return nil, fmt.Errorf("transmit: %w", devices.ErrClosed)
	}
	kind, err := caseOf(apdu)
	if err != nil {
		return nil, fmt.Errorf("transmit: %w", err)
	}
	var response []byte
	switch level := c.slot.desc.Level; {
	case level == LevelTPDU && kind.extended:
		err = fmt.Errorf("an extended command on a reader of TPDU level: %w", devices.ErrUnsupported)
	case level == LevelShortAPDU && kind.extended:
		err = fmt.Errorf("an extended command on a reader of short APDU level: %w",
			devices.ErrUnsupported)
	case level == LevelTPDU:
		response, err = c.slot.transmitT0(ctx, apdu, kind)
	default:
		response, err = c.slot.exchange(ctx, apdu)
	}
	if err != nil {
		return nil, fmt.Errorf("transmit: %w", err)
	}
	return response, nil
}

// Close takes the card's power away.
func (c *Card) Close() error {
	if c.slot.card != c {
		return fmt.Errorf("power off: %w", devices.ErrClosed)
	}
	c.slot.card = nil
	if err := c.slot.powerOff(); err != nil {
		return fmt.Errorf("power off: %w", err)
	}
	return nil
}

// exchange sends one block and returns what comes back, in as many messages as it takes (CCID 1.1
// section 6.1.4).
func (s *Slot) exchange(ctx context.Context, block []byte) ([]byte, error) {
	room := s.desc.MaxMessage - headerSize
	if len(block) > room && s.desc.Level != LevelExtendedAPDU {
		return nil, fmt.Errorf("a command longer than the reader's messages: %w",
			devices.ErrUnsupported)
	}
	chain := byte(chainWhole)
	for len(block) > room {
		chain = nextChain(chain)
		m, err := s.command(ctx, outExchange, [3]byte{0, chain}, block[:room])
		if err != nil {
			return nil, err
		}
		if m.chain != chainContinue || len(m.data) != 0 {
			return nil, errGarbled
		}
		block = block[room:]
	}
	if chain != chainWhole {
		chain = chainEnds
	}
	m, err := s.command(ctx, outExchange, [3]byte{0, chain}, block)
	if err != nil {
		return nil, err
	}
	return s.collect(ctx, m)
}

func nextChain(chain byte) byte {
	if chain == chainWhole {
		return chainBegins
	}
	return chainMiddle
}

// maxResponse bounds a response: 64 KiB of data and a status word.
const maxResponse = 1<<16 + 2

// collect asks for the rest of a response that came in parts.
func (s *Slot) collect(ctx context.Context, m message) ([]byte, error) {
	response := append([]byte(nil), m.data...)
	for m.chain == chainBegins || m.chain == chainMiddle {
		var err error
		if m, err = s.command(ctx, outExchange, [3]byte{0, chainContinue}, nil); err != nil {
			return nil, err
		}
		response = append(response, m.data...)
		if len(response) > maxResponse || m.chain == chainBegins || m.chain == chainWhole {
			return nil, errGarbled
		}
	}
	return response, m.whole(response)
}

// errAPDU is a programmer's mistake that must not reach a card.
var errAPDU = errors.New("not a command of ISO 7816-4")

// apduCase says what a command carries (ISO 7816-4 section 5.1).
type apduCase struct {
	// data is the number of command bytes, expects whether a response is asked for.
	data     int
	expects  bool
	extended bool
}

func caseOf(apdu []byte) (apduCase, error) {
	switch n := len(apdu); {
	case n == 4:
		return apduCase{}, nil
	case n < 4:
		return apduCase{}, errAPDU
	case n == 5:
		return apduCase{expects: true}, nil
	case apdu[4] != 0:
		lc := int(apdu[4])
		if n != 5+lc && n != 6+lc {
			return apduCase{}, errAPDU
		}
		return apduCase{data: lc, expects: n == 6+lc}, nil
	case n == 7:
		return apduCase{expects: true, extended: true}, nil
	case n < 7:
		return apduCase{}, errAPDU
	default:
		lc := int(apdu[5])<<8 | int(apdu[6])
		if lc == 0 || n != 7+lc && n != 9+lc {
			return apduCase{}, errAPDU
		}
		return apduCase{data: lc, expects: n == 9+lc, extended: true}, nil
	}
}
