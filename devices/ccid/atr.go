package ccid

import (
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// ATR is what of a card's answer to reset matters for T=0 (ISO 7816-3 section 8).
type ATR struct {
	// Inverse says that the card speaks the inverse convention.
	Inverse bool
	// T0 and T1 are the protocols it offers, First the one it starts with.
	T0, T1 bool
	First  byte
	// Specific says that the card dictates its parameters (TA2), so that nothing is negotiated.
	Specific bool
	// Speed is TA1, Guard TC1, Waiting TC2; with their defaults where the card says nothing.
	Speed, Guard, Waiting byte
	// Historical are the historical bytes.
	Historical []byte

	// others says that it offers something else than T=0: then a check byte follows.
	others bool
}

var (
	errATRStart = errors.New("answer to reset: begins with neither 3B nor 3F")
	errATRShort = errors.New("answer to reset: it ends in the middle")
	errATRCheck = errors.New("answer to reset: its check byte is wrong")
)

// maxATR is the longest an answer may be (ISO 7816-3 section 8.2.1).
const maxATR = 33

// ParseATR reads an answer to reset.
func ParseATR(raw []byte) (ATR, error) {
	if len(raw) < 2 || raw[0] != 0x3B && raw[0] != 0x3F {
		return ATR{}, errATRStart
	}
	if len(raw) > maxATR {
		return ATR{}, errors.New("answer to reset: longer than 33 bytes")
	}
	a := ATR{Inverse: raw[0] == 0x3F, Speed: 0x11, Waiting: 10}
	rest, err := a.interfaceBytes(raw[1], raw[2:])
	if err != nil {
		return ATR{}, err
	}
	historical := int(raw[1] & 0x0F)
	if len(rest) < historical {
		return ATR{}, errATRShort
	}
	a.Historical = rest[:historical:historical]
	return a, a.check(raw, rest[historical:])
}

// interfaceBytes walks TA1 TB1 TC1 TD1 TA2 and so on: the upper half of each TD says which of the
// next four are there.
func (a *ATR) interfaceBytes(td byte, rest []byte) ([]byte, error) {
	for i := 1; ; i++ {
		var group [4]byte
		for j := range group {
			if td&(0x10<<j) == 0 {
				continue
			}
			if len(rest) == 0 {
				return nil, errATRShort
			}
			group[j], rest = rest[0], rest[1:]
		}
		a.take(i, td, group)
		if td&0x80 == 0 {
			return rest, nil
		}
		td = group[3]
	}
}

// take keeps what group i says; has is the TD byte that announced it.
func (a *ATR) take(i int, has byte, group [4]byte) {
	if i == 1 && has&0x10 != 0 {
		a.Speed = group[0]
	}
	if i == 1 && has&0x40 != 0 {
		a.Guard = group[2]
	}
	if i == 2 && has&0x10 != 0 {
		a.Specific = true
	}
	if i == 2 && has&0x40 != 0 {
		a.Waiting = group[2]
	}
	switch offers := has&0x80 != 0; {
	case offers:
		a.offer(i, group[3]&0x0F)
	case i == 1: // no TD1: T=0 only
		a.offer(1, 0)
	}
}

// offer notes a protocol; number 15 is no protocol but more parameters.
func (a *ATR) offer(i int, protocol byte) {
	if i == 1 {
		a.First = protocol
	}
	a.T0 = a.T0 || protocol == 0
	a.T1 = a.T1 || protocol == 1
	a.others = a.others || protocol != 0
}

// check looks at TCK, which is there unless T=0 is all that is offered, and at nothing after it.
func (a ATR) check(raw, rest []byte) error {
	if len(rest) == 0 {
		if !a.others {
			return nil
		}
		return errATRShort
	}
	var sum byte
	for _, b := range raw[1:] {
		sum ^= b
	}
	if len(rest) > 1 || sum != 0 {
		return errATRCheck
	}
	return nil
}

// needT0 refuses a card that a reader of TPDU level cannot be used with here.
func (a ATR) needT0() error {
	if !a.T0 || a.Specific && a.First != 0 {
		return fmt.Errorf("a card that speaks only T=1 on a reader of TPDU level: %w",
			devices.ErrUnsupported)
	}
	return nil
}

// parameters are bmFindexDindex and the four bytes after it of a SetParameters for T=0 (CCID 1.1
// section 6.1.7). Without a PPS the card keeps the default speed, unless it dictates its own.
func (a ATR) parameters() []byte {
	speed := byte(0x11)
	if a.Specific {
		speed = a.Speed
	}
	convention := byte(0x00)
	if a.Inverse {
		convention = 0x02
	}
	return []byte{speed, convention, a.Guard, a.Waiting, 0x00}
}
