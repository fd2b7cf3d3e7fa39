package virtual_test

import (
	"context"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/devicestest"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// idCard is a card with a UID and a number in a file of an application.
func idCard() *virtual.SmartCard {
	return &virtual.SmartCard{UID: []byte{4, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80},
		Files: []*virtual.CardFile{{AID: []byte{0xF0, 1, 2, 3, 4, 5}, ID: 0x4F00,
			Files: []*virtual.CardFile{{ID: 0x5031, Content: []byte("\x00\x0804127781\xff")}}}}}
}

var idPlace = ccid.Place{AID: []byte{0xF0, 1, 2, 3, 4, 5}, Files: [][]byte{{0x50, 0x31}}, Offset: 2,
	Length: 8}

// TestReadersConform: what every reader bus must do, the twin does, at each level.
func TestReadersConform(t *testing.T) {
	for name, o := range map[string]virtual.CardReaderOptions{
		"apdu": {}, "tpdu": {Features: virtual.FeaturesTPDU},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			devicestest.Readers(t, func(t *testing.T) devicestest.ReaderRig {
				t.Parallel()
				reader := virtual.NewCardReader(o)
				bus := virtual.NewCardReaders(reader)
				return devicestest.ReaderRig{Bus: bus, Hand: readerHand{bus, reader, idCard()},
					Match: func(devices.Info) bool { return true }, UID: idCard().UID,
					Place: idPlace, Number: "3034313237373831"}
			})
		})
	}
}

// readerHand handles the twin for the suite.
type readerHand struct {
	bus    *virtual.CardReaders
	reader *virtual.CardReader
	card   *virtual.SmartCard
}

var _ devicestest.ReaderHand = readerHand{}

func (h readerHand) Put(context.Context) error    { h.reader.Put(h.card); return nil }
func (h readerHand) Take(context.Context) error   { h.reader.Take(); return nil }
func (h readerHand) Plug(context.Context) error   { h.bus.Plug(h.reader); return nil }
func (h readerHand) Unplug(context.Context) error { h.bus.Unplug(h.reader); return nil }
