package ccid_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

var uid = []byte{4, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80}

// idCard is a card with a UID, and an application with a small file and a large one.
func idCard() *virtual.SmartCard {
	large := make([]byte, 2000)
	for i := range large {
		large[i] = byte(i * 7)
	}
	return &virtual.SmartCard{UID: uid, Files: []*virtual.CardFile{{ID: 0x3F00,
		AID: []byte{0xF0, 1, 2, 3, 4, 5}, Files: []*virtual.CardFile{
			{ID: 0x5031, Content: []byte("\x00\x0804127781\xff")}, {ID: 0x5032, Content: large},
		}}}}
}

// select the application and a file of it by hand.
var (
	selectApp   = []byte{0, 0xA4, 4, 0, 6, 0xF0, 1, 2, 3, 4, 5, 0}
	selectLarge = []byte{0, 0xA4, 0, 0x0C, 2, 0x50, 0x32}
)

// open puts a card into a twin and opens it.
func open(t *testing.T, o virtual.CardReaderOptions, card *virtual.SmartCard) (
	*virtual.CardReader, *ccid.Slot,
) {
	t.Helper()
	reader := virtual.NewCardReader(o)
	if card != nil {
		reader.Put(card)
	}
	bus := virtual.NewCardReaders(reader)
	infos, err := bus.ListReaders(t.Context())
	if err != nil || len(infos) != 1 {
		t.Fatal(infos, err)
	}
	link, err := bus.OpenReader(t.Context(), infos[0])
	if err != nil {
		t.Fatal(err)
	}
	slot, err := ccid.NewSlot(link, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = link.Close() })
	return reader, slot
}

// say transmits and wants a status word; it returns the data.
func say(t *testing.T, card devices.Card, apdu []byte, sw uint16) []byte {
	t.Helper()
	response, err := card.Transmit(t.Context(), apdu)
	if err != nil {
		t.Fatalf("% x: %v", apdu, err)
	}
	n := len(response) - 2
	if got := uint16(response[n])<<8 | uint16(response[n+1]); got != sw {
		t.Fatalf("% x answered by %04X, want %04X", apdu, got, sw)
	}
	return response[:n]
}

func powerOn(t *testing.T, slot *ccid.Slot) *ccid.Card {
	t.Helper()
	card, err := slot.PowerOn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return card
}

// levels are a reader of each, with what it needs to be told.
var levels = map[string]virtual.CardReaderOptions{
	"extended": {}, "short": {Features: virtual.FeaturesShort},
	"tpdu": {Features: virtual.FeaturesTPDU},
	"5 V":  {Features: virtual.FeaturesTPDU, Voltages: 7, Needs: 1},
}

// TestEveryLevelGivesTheSame: the four cases of a command, whatever the reader takes.
func TestEveryLevelGivesTheSame(t *testing.T) {
	for name, o := range levels {
		t.Run(name, func(t *testing.T) {
			_, slot := open(t, o, idCard())
			card := powerOn(t, slot)
			if len(card.ATR()) == 0 {
				t.Error("no answer to reset")
			}
			if got := say(t, card, []byte{0xFF, 0xCA, 0, 0, 7}, 0x9000); !bytes.Equal(got, uid) {
				t.Errorf("uid % x", got)
			}
			if got := say(t, card, selectApp, 0x9000); len(got) != 6 { // data both ways
				t.Errorf("select gives % x", got)
			}
			say(t, card, selectLarge, 0x9000) // data to the card only
			want := idCard().Files[0].Files[1].Content
			if got := say(t, card, []byte{0, 0xB0, 1, 0, 0}, 0x9000); !bytes.Equal(got, want[256:512]) {
				t.Errorf("256 bytes: % x", got)
			}
			if got := say(t, card, []byte{0, 0xB0, 0x07, 0xC8, 8}, 0x9000); !bytes.Equal(got,
				want[0x7C8:]) {
				t.Errorf("the end: % x", got)
			}
			say(t, card, []byte{0, 0xD6, 0, 0, 3, 1, 2, 3}, 0x9000)
			if got := say(t, card, []byte{0, 0xB0, 0, 0, 3}, 0x9000); !bytes.Equal(got, []byte{1, 2, 3}) {
				t.Errorf("what was written: % x", got)
			}
			say(t, card, []byte{0, 0x44, 0, 0}, 0x6D00) // no data at all
			if err := card.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRightLength: a T=0 card that says how much there is gets that.
func TestRightLength(t *testing.T) {
	_, slot := open(t, virtual.CardReaderOptions{Features: virtual.FeaturesTPDU}, idCard())
	card := powerOn(t, slot)
	if got := say(t, card, []byte{0xFF, 0xCA, 0, 0, 0}, 0x9000); !bytes.Equal(got, uid) {
		t.Errorf("uid % x", got)
	}
}

// TestLongCommands: what does not fit into a message goes in parts, both ways; readers that cannot
// say so.
func TestLongCommands(t *testing.T) {
	write := append([]byte{0, 0xD6, 0, 0, 0, 1500 >> 8, 1500 & 0xFF}, bytes.Repeat([]byte{9}, 1500)...)
	read := []byte{0, 0xB0, 0, 0, 0, 0, 0}
	for name, o := range levels {
		t.Run(name, func(t *testing.T) {
			_, slot := open(t, o, idCard())
			card := powerOn(t, slot)
			say(t, card, selectApp, 0x9000)
			say(t, card, selectLarge, 0x9000)
			if slot.Level() != ccid.LevelExtendedAPDU {
				for _, apdu := range [][]byte{write, read} {
					if _, err := card.Transmit(t.Context(), apdu); !errors.Is(err,
						devices.ErrUnsupported) {
						t.Errorf("%v, want ErrUnsupported", err)
					}
				}
				return
			}
			say(t, card, write, 0x9000)
			got := say(t, card, read, 0x9000)
			if len(got) != 2000 || !bytes.Equal(got[:1500], write[7:]) {
				t.Errorf("read back %d bytes", len(got))
			}
		})
	}
}

// TestRefusedReaders: what is not driven is refused with its name.
func TestRefusedReaders(t *testing.T) {
	for want, o := range map[string]virtual.CardReaderOptions{
		"character level": {Features: virtual.FeaturesCharacter},
		"T=1":             {Features: virtual.FeaturesTPDU, T1Only: true},
	} {
		reader := virtual.NewCardReader(o)
		bus := virtual.NewCardReaders(reader)
		infos, _ := bus.ListReaders(t.Context())
		link, err := bus.OpenReader(t.Context(), infos[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = ccid.NewSlot(link, 0)
		if !errors.Is(err, devices.ErrUnsupported) || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("%v, want it to name %s", err, want)
		}
	}
	_, slot := open(t, virtual.CardReaderOptions{Features: virtual.FeaturesTPDU},
		&virtual.SmartCard{ATR: []byte{0x3B, 0x80, 0x01, 0x81}})
	if _, err := slot.PowerOn(t.Context()); !errors.Is(err, devices.ErrUnsupported) {
		t.Errorf("a card of T=1 only: %v, want ErrUnsupported", err)
	}
}

// TestFaults: each fault of a reader ends in an error at the latest, and the next exchange is right
// again.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault virtual.ReaderFault
		want  error
		fails bool
	}{
		"no answer":                   {virtual.ReaderFault{Mute: 1}, devices.ErrTimeout, true},
		"an answer to something else": {virtual.ReaderFault{WrongSequence: 1}, nil, false},
		"a short answer":              {virtual.ReaderFault{Short: 1}, nil, true},
		"more time":                   {virtual.ReaderFault{Extend: 5}, nil, false},
		"more time on and on":         {virtual.ReaderFault{Extend: 500}, devices.ErrTimeout, true},
		"hardware":                    {virtual.ReaderFault{Broken: 1}, nil, true},
		"the card is pulled":          {virtual.ReaderFault{PullCardAfter: 1}, nil, false},
		"the reader is pulled": {virtual.ReaderFault{UnplugAfter: 1}, devices.ErrUnplugged,
			true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reader, slot := open(t, virtual.CardReaderOptions{}, idCard())
				card := powerOn(t, slot)
				reader.Misbehave(tt.fault)
				ask := []byte{0xFF, 0xCA, 0, 0, 0}
				_, err := card.Transmit(t.Context(), ask)
				if (err != nil) != tt.fails || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("%v, want failure %t, %v", err, tt.fails, tt.want)
				}
				reader.Misbehave(virtual.ReaderFault{})
				_, err = card.Transmit(t.Context(), ask)
				switch {
				case tt.fault.PullCardAfter > 0:
					if !errors.Is(err, ccid.ErrNoCard) {
						t.Errorf("then %v, want ErrNoCard", err)
					}
				case tt.fault.UnplugAfter == 0 && err != nil:
					t.Errorf("then %v", err)
				}
			})
		})
	}
}

// TestCancelledExchange: an answer that comes after nobody wanted it is not taken for another.
func TestCancelledExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, slot := open(t, virtual.CardReaderOptions{}, idCard())
		card := powerOn(t, slot)
		reader.Misbehave(virtual.ReaderFault{Mute: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := card.Transmit(ctx, []byte{0xFF, 0xCA, 0, 0, 0}); !errors.Is(err,
			devices.ErrTimeout) {
			t.Errorf("%v, want ErrTimeout", err)
		}
		if got := say(t, card, []byte{0xFF, 0xCA, 0, 0, 0}, 0x9000); !slices.Equal(got, uid) {
			t.Errorf("% x", got)
		}
	})
}

// TestPlaces: where a card can have its number, and what is said when it has none.
func TestPlaces(t *testing.T) {
	app := []byte{0xF0, 1, 2, 3, 4, 5}
	for name, tt := range map[string]struct {
		place  ccid.Place
		format devices.NumberFormat
		card   *virtual.SmartCard
		want   string
		err    error
	}{
		"uid":      {card: idCard(), want: "04A1B2C3D4E580"},
		"reversed": {card: idCard(), format: devices.NumberFormat{Reverse: true}, want: "80E5D4C3B2A104"},
		"random":   {card: &virtual.SmartCard{Random: true}, err: ccid.ErrRandom},
		"no uid":   {card: &virtual.SmartCard{}, err: ccid.ErrForeign},
		"a file": {place: ccid.Place{AID: app, Files: [][]byte{{0x50, 0x31}}, Offset: 2, Length: 8,
			Text: true}, card: idCard(), want: "04127781"},
		"by path": {place: ccid.Place{Files: [][]byte{{0x3F, 0}, {0x50, 0x31}}, Offset: 2,
			Length: 9, Text: true}, card: idCard(), want: "04127781"},
		"checked": {place: ccid.Place{AID: app, Files: [][]byte{{0x50, 0x31}}, Offset: 2,
			Length: 8, Text: true}, format: devices.NumberFormat{Checksum: devices.ChecksumLuhn},
			card: idCard(), err: devices.ErrNumberChecksum},
		"beyond the end": {place: ccid.Place{AID: app, Files: [][]byte{{0x50, 0x31}}, Offset: 9,
			Length: 8}, card: idCard(), err: ccid.ErrForeign},
		"no such file": {place: ccid.Place{AID: app, Files: [][]byte{{9, 9}}, Length: 8},
			card: idCard(), err: ccid.ErrForeign},
		"no such application": {place: ccid.Place{AID: []byte{1, 2, 3, 4, 5}, Length: 8},
			card: idCard(), err: ccid.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			for level, o := range levels {
				_, slot := open(t, o, tt.card)
				got, err := ccid.Number(t.Context(), powerOn(t, slot), tt.place, tt.format)
				if got != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("%s: %q, %v; want %q, %v", level, got, err, tt.want, tt.err)
				}
			}
		})
	}
}

func TestPlaceCheck(t *testing.T) {
	for name, p := range map[string]ccid.Place{
		"a part of a uid":        {Length: 3},
		"a short application":    {AID: []byte{1, 2}, Length: 1},
		"a short file":           {Files: [][]byte{{1}}, Length: 1},
		"nothing to read":        {Files: [][]byte{{1, 2}}},
		"an offset out of reach": {Files: [][]byte{{1, 2}}, Offset: 0x8000, Length: 1},
	} {
		if p.Check() == nil {
			t.Errorf("%s: no refusal", name)
		}
	}
}
