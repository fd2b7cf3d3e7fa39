package ccid

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
)

// Why a card that was read gave no number.
var (
	// ErrRandom: the UID is one that the card makes up at every tap.
	ErrRandom = errors.New("the card makes up a new number at every tap")
	// ErrForeign: the card has no number where it was looked for.
	ErrForeign = errors.New("the card has no number at that place")
)

// Place says where on a card its number is. Its zero value is the UID.
type Place struct {
	// AID is the application with the file, 5 to 16 bytes; Files are the identifiers of the files
	// to select after it, one after the other, two bytes each. Either may be missing. Both missing
	// means the UID.
	AID   []byte
	Files [][]byte
	// Offset and Length are the part of the last file that holds the number.
	Offset, Length int
	// Text says that it is there as characters, not as bytes.
	Text bool
}

// Limits of READ BINARY with a short offset (ISO 7816-4 section 11.3) and of a number.
const (
	maxOffset = 0x7FFF
	maxLength = 128
)

// Check refuses a place that no card can have.
func (p Place) Check() error {
	if p.uid() {
		if p.Offset != 0 || p.Length != 0 || p.Text {
			return errors.New("place on the card: a part of a file needs a file")
		}
		return nil
	}
	if n := len(p.AID); n != 0 && (n < 5 || n > 16) {
		return errors.New("place on the card: an application identifier has 5 to 16 bytes")
	}
	for _, file := range p.Files {
		if len(file) != 2 {
			return errors.New("place on the card: a file identifier has 2 bytes")
		}
	}
	if p.Offset < 0 || p.Offset > maxOffset || p.Length < 1 || p.Length > maxLength {
		return fmt.Errorf("place on the card: offset is from 0 to %d, length from 1 to %d",
			maxOffset, maxLength)
	}
	return nil
}

func (p Place) uid() bool { return len(p.AID) == 0 && len(p.Files) == 0 }

// Number reads the number at a place of a card and brings it into the site's form. Its errors are
// ErrRandom, ErrForeign, those of devices.NumberFormat, or what the card or reader broke off with.
func Number(
	ctx context.Context, card devices.Card, p Place, format devices.NumberFormat,
) (string, error) {
	if p.uid() {
		uid, err := readUID(ctx, card)
		if err != nil {
			return "", err
		}
		return format.Format(uid)
	}
	raw, err := p.readFile(ctx, card)
	switch {
	case err != nil:
		return "", err
	case p.Text:
		return format.FormatText(string(raw))
	default:
		return format.Format(raw)
	}
}

// readUID asks the reader for the UID (PC/SC part 3 section 3.2.2.1.3).
func readUID(ctx context.Context, card devices.Card) ([]byte, error) {
	uid, sw, err := ask(ctx, card, []byte{0xFF, 0xCA, 0x00, 0x00, 0x00})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read uid: %w", err)
	case sw != swOK || len(uid) < 4 || len(uid) > 16:
		return nil, fmt.Errorf("read uid: status %04X: %w", sw, ErrForeign)
	case len(uid) == 4 && uid[0] == 0x08: // ISO 14443-3 section 6.4.4
		return nil, fmt.Errorf("read uid: %w", ErrRandom)
	}
	return uid, nil
}

// Status words (ISO 7816-4 section 5.6).
const (
	swOK           = 0x9000
	swParameters   = 0x6A86
	swWrongP1P2    = 0x6B00
	swUnsupported  = 0x6A81
	swWrongLength  = 0x6700
	selectByID     = 0x00
	selectByAID    = 0x04
	selectNoAnswer = 0x0C
	chunk          = 0xF0
)

// readFile selects step by step and reads the part.
func (p Place) readFile(ctx context.Context, card devices.Card) ([]byte, error) {
	if len(p.AID) > 0 {
		if err := choose(ctx, card, selectByAID, p.AID); err != nil {
			return nil, fmt.Errorf("select application: %w", err)
		}
	}
	for _, file := range p.Files {
		if err := choose(ctx, card, selectByID, file); err != nil {
			return nil, fmt.Errorf("select file: %w", err)
		}
	}
	var raw []byte
	for len(raw) < p.Length {
		at, n := p.Offset+len(raw), min(chunk, p.Length-len(raw))
		part, sw, err := ask(ctx, card, []byte{0x00, 0xB0, byte(at >> 8), byte(at), byte(n)})
		if err != nil {
			return nil, fmt.Errorf("read file: %w", err)
		}
		if sw != swOK || len(part) == 0 || len(part) > n {
			return nil, fmt.Errorf("read file: status %04X: %w", sw, ErrForeign)
		}
		raw = append(raw, part...)
	}
	return raw, nil
}

// choose selects an application or a file. Not every card knows how to be asked without giving a
// description of what was selected, and not every one how to give it.
func choose(ctx context.Context, card devices.Card, by byte, name []byte) error {
	quiet := append([]byte{0x00, 0xA4, by, selectNoAnswer, byte(len(name))}, name...)
	_, sw, err := ask(ctx, card, quiet)
	switch sw {
	case swParameters, swWrongP1P2, swUnsupported, swWrongLength:
		loud := append([]byte{0x00, 0xA4, by, 0x00, byte(len(name))}, name...)
		_, sw, err = ask(ctx, card, append(loud, 0))
	}
	if err != nil {
		return err
	}
	if sw != swOK && sw>>8 != swMore {
		return fmt.Errorf("status %04X: %w", sw, ErrForeign)
	}
	return nil
}

// ask transmits and splits the answer. A card that knows the right length gets it.
func ask(ctx context.Context, card devices.Card, apdu []byte) (body []byte, sw uint16, err error) {
	response, err := card.Transmit(ctx, apdu)
	if err == nil && len(response) == 2 && response[0] == swLength && len(apdu) == 5 {
		again := append([]byte(nil), apdu...)
		again[4] = response[1]
		response, err = card.Transmit(ctx, again)
	}
	if err != nil {
		return nil, 0, err
	}
	if len(response) < 2 {
		return nil, 0, errGarbled
	}
	body, sw1, sw2 := split(response)
	return body, uint16(sw1)<<8 | uint16(sw2), nil
}
