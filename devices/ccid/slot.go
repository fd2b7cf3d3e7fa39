package ccid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// Times of an exchange. A contactless reader may look for a card for a second before it says that
// there is none.
const (
	answerTime = 3 * time.Second
	// maxExtensions bounds how often a reader may ask for more time on end, wholeTime how long all of
	// that may take.
	maxExtensions = 200
	wholeTime     = 20 * time.Second
	// drainTime is how long stale answers are waited for after an exchange that broke off.
	drainTime = 100 * time.Millisecond
	// maxStale bounds the answers to earlier commands that are passed over, maxDrain those that are
	// thrown away after an exchange that broke off.
	maxStale = 16
	maxDrain = 1000
	// closeTime bounds the power-down of a card.
	closeTime = 2 * time.Second
)

// Slot is one slot of an open reader. It has one owner, as the reader has.
type Slot struct {
	reader devices.CCID
	desc   Descriptor
	number byte
	seq    byte
	// lost says that an answer is still owed, so that what comes next may be stale.
	lost bool
	buf  []byte
	card *Card
}

// NewSlot takes a slot of an open reader, counted from 0. It sends nothing.
func NewSlot(reader devices.CCID, number int) (*Slot, error) {
	desc, err := ParseDescriptor(reader.Descriptor())
	if err != nil {
		return nil, err
	}
	if number < 0 || number >= desc.Slots {
		return nil, fmt.Errorf("reader: no slot %d among %d", number, desc.Slots)
	}
	return &Slot{reader: reader, desc: desc, number: byte(number),
		buf: make([]byte, desc.MaxMessage)}, nil
}

// Level is how the reader takes commands.
func (s *Slot) Level() Level { return s.desc.Level }

// Present says whether there is a card, and whether it has kept its power since PowerOn.
func (s *Slot) Present(ctx context.Context) (present, powered bool, err error) {
	m, err := s.command(ctx, outSlotStatus, [3]byte{}, nil)
	// A reader may call an empty slot a failure.
	if errors.Is(err, ErrNoCard) || errors.Is(err, ErrMute) {
		return m.presence() != cardAbsent, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("slot status: %w", err)
	}
	return m.presence() != cardAbsent, m.presence() == cardActive, nil
}

// Changed waits until the reader says that the slot changed, and reports false when ctx ended
// before. A reader that cannot say so answers devices.ErrUnsupported.
func (s *Slot) Changed(ctx context.Context) (bool, error) {
	var event [64]byte
	for {
		n, err := s.reader.Event(ctx, event[:])
		switch {
		case errors.Is(err, devices.ErrTimeout):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("slot change: %w", err)
		case slotChanged(event[:n], s.number):
			return true, nil
		}
	}
}

// PowerOn gives the card power and returns it once it has answered the reset. A card that was
// powered before is reset.
func (s *Slot) PowerOn(ctx context.Context) (*Card, error) {
	s.card = nil
	var failed error
	for _, voltage := range s.desc.voltages() {
		m, err := s.command(ctx, outPowerOn, [3]byte{voltage}, nil)
		if err != nil {
			failed = err
			if unfit(err) {
				continue // perhaps another voltage
			}
			break
		}
		card := &Card{slot: s, atr: append([]byte(nil), m.data...)}
		if err := s.configure(ctx, card); err != nil {
			return nil, fmt.Errorf("power on: %w", err)
		}
		s.card = card
		return card, nil
	}
	return nil, fmt.Errorf("power on: %w", failed)
}

// unfit says that a card did not like how it was powered.
func unfit(err error) bool {
	var refused *Error
	return errors.Is(err, ErrMute) || errors.As(err, &refused)
}

// configure makes ready what a reader of TPDU level leaves to the driver.
func (s *Slot) configure(ctx context.Context, card *Card) error {
	if s.desc.Level != LevelTPDU {
		return nil
	}
	atr, err := ParseATR(card.atr)
	if err != nil {
		return err
	}
	if err := atr.needT0(); err != nil {
		return err
	}
	if s.desc.Features&featureNegotiates != 0 {
		return nil
	}
	if _, err := s.command(ctx, outSetParameters, [3]byte{0}, atr.parameters()); err != nil {
		return fmt.Errorf("set parameters: %w", err)
	}
	return nil
}

// powerOff takes the power away.
func (s *Slot) powerOff() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_, err := s.command(ctx, outPowerOff, [3]byte{}, nil)
	if errors.Is(err, ErrNoCard) || errors.Is(err, devices.ErrUnplugged) {
		return nil // it has no power then
	}
	return err
}

// command sends one command and waits for its answer. The data of the answer is valid until the
// next command.
func (s *Slot) command(
	ctx context.Context, kind byte, own [3]byte, data []byte,
) (message, error) {
	if err := ctx.Err(); err != nil {
		return message{}, ended(err)
	}
	if s.lost {
		if err := s.drain(ctx); err != nil {
			return message{}, err
		}
	}
	s.seq++
	s.lost = true // until it is answered
	ctx, end := context.WithTimeout(ctx, wholeTime)
	defer end()
	sending, cancel := context.WithTimeout(ctx, answerTime)
	err := s.reader.Send(sending, build(kind, s.number, s.seq, own, data))
	cancel()
	if err != nil {
		return message{}, err
	}
	m, err := s.answer(ctx, kind)
	if err != nil {
		return message{}, err
	}
	s.lost = false
	return m, m.err()
}

// answer waits for the answer to the command just sent. Answers to earlier ones, which came too
// late, are passed over.
func (s *Slot) answer(ctx context.Context, kind byte) (message, error) {
	patience, stale := answerTime, 0
	for extensions := 0; extensions < maxExtensions; {
		m, err := s.receive(ctx, patience)
		switch {
		case err != nil:
			return message{}, err
		case m.slot != s.number || m.seq != s.seq:
			if stale++; stale > maxStale {
				return message{}, errGarbled
			}
		case m.extends():
			extensions++
			// bError says how many waiting times more.
			patience = min(answerTime*time.Duration(max(1, m.fault)), 10*answerTime)
		case m.kind != answers[kind]:
			return message{}, errGarbled
		default:
			return m, nil
		}
	}
	return message{}, fmt.Errorf("the reader asks for more time on and on: %w", devices.ErrTimeout)
}

// receive takes one message.
func (s *Slot) receive(ctx context.Context, patience time.Duration) (message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n, err := s.reader.Receive(ctx, s.buf)
	if err != nil {
		return message{}, err
	}
	return parse(s.buf[:n])
}

// drain throws away what a broken exchange left, so that the next one begins clean.
func (s *Slot) drain(ctx context.Context) error {
	for range maxDrain {
		_, err := s.receive(ctx, drainTime)
		switch {
		case errors.Is(err, devices.ErrTimeout):
			return nil
		case err != nil && !errors.Is(err, errGarbled):
			return err
		}
	}
	return errGarbled
}

// ended is how a slot says that a context is over.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return devices.ErrTimeout
	}
	return err
}
