package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// Where the sample cards have their printed number, as text.
var (
	sampleAID   = []byte{0xF0, 0x74, 0x64, 0x65, 0x73, 0x6B}
	samplePlace = ccid.Place{AID: sampleAID, Files: [][]byte{{0x50, 0x31}}, Length: 20, Text: true}
)

// sampleCard is a card with that number printed on it. A blank of the print is no part of a number.
func sampleCard(number string) *virtual.SmartCard {
	content := make([]byte, samplePlace.Length)
	copy(content, number)
	return &virtual.SmartCard{UID: []byte{4, 1, 2, 3, 4, 5, 6},
		Files: []*virtual.CardFile{{AID: sampleAID, ID: 0x4F00,
			Files: []*virtual.CardFile{{ID: 0x5031, Content: content}}}}}
}

// cardSlot is the demonstration's card reader: a virtual one, read by the desk's own driver.
type cardSlot struct {
	*ccid.Reader
	reader *virtual.CardReader
	cable  *virtual.CardReaders
	given  chan struct{}
	// laying holds the one card at a time.
	laying sync.Mutex
}

var _ devices.TapSource = (*cardSlot)(nil)

func newCardSlot() (*cardSlot, error) {
	reader := virtual.NewCardReader(virtual.CardReaderOptions{})
	cable := virtual.NewCardReaders(reader)
	source, err := ccid.New(cable, ccid.Options{Name: "virtual",
		Match: ccid.Match{Interface: -1}, Place: samplePlace})
	if err != nil {
		return nil, err
	}
	return &cardSlot{Reader: source, reader: reader, cable: cable,
		given: make(chan struct{}, 1)}, nil
}

// Run implements devices.TapSource: it says besides when a tap was taken notice of.
func (s *cardSlot) Run(ctx context.Context, taps chan<- devices.Tap) error {
	inner := make(chan devices.Tap)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { s.pass(ctx, inner, taps) })
	return s.Reader.Run(ctx, inner)
}

func (s *cardSlot) pass(ctx context.Context, from <-chan devices.Tap, to chan<- devices.Tap) {
	for {
		select {
		case tap := <-from:
			select {
			case to <- tap:
			case <-ctx.Done():
				return
			}
			select {
			case s.given <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}

// Tap lays the card with that printed number on the reader, waits until the desk took notice, and
// takes the card away again.
func (s *cardSlot) Tap(ctx context.Context, number string) error {
	s.laying.Lock()
	defer s.laying.Unlock()
	select {
	case <-s.given: // of a card that was too late
	default:
	}
	s.reader.Put(sampleCard(number))
	defer s.reader.Take()
	select {
	case <-s.given:
	case <-ctx.Done():
		return fmt.Errorf("tap card: %w", ctx.Err())
	}
	s.reader.Take()
	return s.reader.Noticed(ctx)
}
