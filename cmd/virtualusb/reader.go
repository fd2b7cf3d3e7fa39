package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// readerCommand keeps one card reader. Its standard input is the hand at the counter.
type readerCommand struct {
	Serial string `help:"Serial number of the reader."`
	Level  string `help:"What it takes in one exchange." enum:"extended,short,tpdu" default:"extended"`
	// TCP has no authentication: it is for a loopback address, or a tunnel.
	TCP string `help:"Offer the reader over USB/IP, instead of to this kernel."`
}

// Help says what the hand can do.
func (readerCommand) Help() string {
	return `Lines of the standard input: "put 04a1b2c3d4e580" or "put 04a1b2c3d4e580 04127781" lays a ` +
		`card with that UID on the reader, the second one with that number as text in file 5031 of ` +
		`application F0746465736B; "take" takes it away; "unplug" and "plug" are the reader's cable.`
}

// Run serves until ctx ends.
func (c readerCommand) Run(ctx context.Context) error {
	s := newReaderStand(virtual.CardReaderOptions{Serial: c.Serial,
		Features: map[string]uint32{"extended": virtual.FeaturesExtended,
			"short": virtual.FeaturesShort, "tpdu": virtual.FeaturesTPDU}[c.Level]})
	// A hand that is gone leaves everything as it is; reading cannot be interrupted.
	go s.hand(os.Stdin, os.Stderr)
	if c.TCP == "" {
		return s.attach(ctx)
	}
	offer, err := net.Listen("tcp", c.TCP)
	if err != nil {
		return fmt.Errorf("offer reader: %w", err)
	}
	fmt.Fprintln(os.Stderr, "virtualusb: offering a card reader on", offer.Addr())
	return usbip.Serve(ctx, offer, s.offered)
}

// readerStand is a reader with its cable.
type readerStand struct {
	bus    *virtual.CardReaders
	reader *virtual.CardReader
}

func newReaderStand(o virtual.CardReaderOptions) *readerStand {
	reader := virtual.NewCardReader(o)
	return &readerStand{bus: virtual.NewCardReaders(reader), reader: reader}
}

// offered is the reader for USB/IP.
func (s *readerStand) offered() map[string]usbip.Device {
	if !s.reader.Plugged() {
		return nil
	}
	return map[string]usbip.Device{"1-1": s.reader.USB()}
}

// attach keeps the reader in this machine's kernel for as long as its cable is in.
func (s *readerStand) attach(ctx context.Context) error {
	for {
		changed := s.reader.Changed()
		if s.reader.Plugged() {
			port, err := usbip.Attach(ctx, s.reader.USB())
			if err != nil {
				return fmt.Errorf("%w (is the module vhci-hcd loaded, and are you root?)", err)
			}
			fmt.Fprintln(os.Stderr, "virtualusb: card reader on port", port.Number)
			<-port.Done()
			if ctx.Err() == nil && s.reader.Plugged() {
				s.bus.Unplug(s.reader) // the kernel let go of it
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// hand does what it is told, a line at a time.
func (s *readerStand) hand(orders io.Reader, complaints io.Writer) {
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		if err := s.order(strings.Fields(lines.Text())); err != nil {
			fmt.Fprintln(complaints, "virtualusb:", err)
		}
	}
}

func (s *readerStand) order(words []string) error {
	switch {
	case len(words) == 0:
	case words[0] == "take" && len(words) == 1:
		s.reader.Take()
	case words[0] == "plug" && len(words) == 1:
		s.bus.Plug(s.reader)
	case words[0] == "unplug" && len(words) == 1:
		s.bus.Unplug(s.reader)
	case words[0] == "put" && (len(words) == 2 || len(words) == 3):
		uid, err := hex.DecodeString(words[1])
		if err != nil {
			return errors.New("a UID is in hexadecimal")
		}
		card := &virtual.SmartCard{UID: uid}
		if len(words) == 3 {
			card.Files = []*virtual.CardFile{{ID: 0x4F00,
				AID:   []byte{0xF0, 0x74, 0x64, 0x65, 0x73, 0x6B},
				Files: []*virtual.CardFile{{ID: 0x5031, Content: []byte(words[2])}}}}
		}
		s.reader.Put(card)
	default:
		return errors.New("put UID [NUMBER], take, plug or unplug")
	}
	return nil
}
