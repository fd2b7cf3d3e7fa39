package devicestest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
)

// ReaderHand is who handles a card reader. What it cannot do it answers with
// devices.ErrUnsupported, and the checks that need it are skipped.
type ReaderHand interface {
	// Put lays the rig's card on the reader, Take takes it away. Both may return before the reader
	// has noticed.
	Put(ctx context.Context) error
	Take(ctx context.Context) error
	// Plug puts the reader in, Unplug pulls it out.
	Plug(ctx context.Context) error
	Unplug(ctx context.Context) error
}

// ReaderRig is one reader on one bus, plugged in and without a card when the suite gets it.
type ReaderRig struct {
	Bus  devices.ReaderBus
	Hand ReaderHand
	// Match finds the reader in a listing.
	Match func(devices.Info) bool
	// UID is what the card says for FF CA 00 00 00; Place is where it has a number, and Number what
	// stands there, as capital hexadecimal digits.
	UID    []byte
	Place  ccid.Place
	Number string
}

// Readers runs every check of a reader bus, of its open readers, and of what the driver does with
// them, each on a rig of its own. makeRig cleans up by t.Cleanup.
func Readers(t *testing.T, makeRig func(t *testing.T) ReaderRig) {
	for _, c := range []struct {
		name  string
		check func(*readerBench)
	}{
		{"open is exclusive and can be repeated", (*readerBench).openIsExclusive},
		{"messages go both ways", (*readerBench).messagesGoBothWays},
		{"a wait ends by its deadline", (*readerBench).waitsEnd},
		{"the reader tells of a card", (*readerBench).tellsOfCards},
		{"the driver reads the card", (*readerBench).driverReads},
		{"a card that is taken is gone", (*readerBench).cardIsTaken},
		{"taps", (*readerBench).taps},
		{"unplugged", (*readerBench).unplugged},
		{"unplug wakes a wait", (*readerBench).unplugWakesAWait},
		{"a reader that is plugged in again goes on", (*readerBench).replug},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &readerBench{T: t, rig: makeRig(t)}
			b.present = b.waitListed(true)
			c.check(b)
		})
	}
}

// readerBench is one check at work.
type readerBench struct {
	*testing.T
	rig     ReaderRig
	present devices.Info
}

func (b *readerBench) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), d)
	b.Cleanup(cancel)
	return ctx
}

func (b *readerBench) must(err error, doing string) {
	b.Helper()
	if err != nil {
		b.Fatalf("%s: %v", doing, err)
	}
}

// hand does something to the reader, or skips the check where that cannot be done.
func (b *readerBench) hand(do func(context.Context) error, doing string) {
	b.Helper()
	err := do(b.within(patience))
	if errors.Is(err, devices.ErrUnsupported) {
		b.Skipf("nobody here can %s", doing)
	}
	b.must(err, doing)
}

// waitListed polls until the reader is listed, or is not.
func (b *readerBench) waitListed(want bool) (found devices.Info) {
	b.Helper()
	b.eventually("the listing follows the plug", func() bool {
		infos, err := b.rig.Bus.ListReaders(b.within(patience))
		b.must(err, "list")
		listed := false
		for _, info := range infos {
			if b.rig.Match(info) {
				found, listed = info, true
			}
		}
		return listed == want
	})
	return found
}

func (b *readerBench) eventually(what string, holds func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("waited in vain: %s", what)
		}
	}
}

// open opens the reader and closes it with the check.
func (b *readerBench) open() devices.CCID {
	b.Helper()
	link, err := b.rig.Bus.OpenReader(b.within(patience), b.present)
	b.must(err, "open")
	o := &openedReader{CCID: link}
	b.Cleanup(func() {
		if !o.closed {
			_ = o.Close()
		}
	})
	return o
}

// openedReader remembers that it was closed.
type openedReader struct {
	devices.CCID
	closed bool
}

func (o *openedReader) Close() error {
	o.closed = true
	return o.CCID.Close()
}

// slot opens the reader and takes its slot.
func (b *readerBench) slot() *ccid.Slot {
	b.Helper()
	slot, err := ccid.NewSlot(b.open(), 0)
	b.must(err, "take the slot")
	return slot
}

func (b *readerBench) openIsExclusive() {
	for range 2 {
		link := b.open()
		if len(link.Descriptor()) != 54 {
			b.Errorf("a class descriptor of %d bytes", len(link.Descriptor()))
		}
		if _, err := b.rig.Bus.OpenReader(b.within(patience), b.present); !errors.Is(
			err, devices.ErrBusy) {
			b.Errorf("a second open: %v, want ErrBusy", err)
		}
		b.must(link.Close(), "close")
		if err := link.Send(b.within(patience), status(9)); !errors.Is(err, devices.ErrClosed) {
			b.Errorf("send after close: %v, want ErrClosed", err)
		}
	}
}

// status is PC_to_RDR_GetSlotStatus.
func status(seq byte) []byte { return []byte{0x65, 0, 0, 0, 0, 0, seq, 0, 0, 0} }

// say sends one message and returns the answer.
func (b *readerBench) say(link devices.CCID, message []byte) []byte {
	b.Helper()
	b.must(link.Send(b.within(patience), message), "send")
	answer := make([]byte, 4096)
	n, err := link.Receive(b.within(patience), answer)
	b.must(err, "receive")
	if n < 10 || answer[6] != message[6] {
		b.Fatalf("% x answered by % x", message, answer[:n])
	}
	return answer[:n]
}

// messagesGoBothWays asks for the UID by hand.
func (b *readerBench) messagesGoBothWays() {
	link := b.open()
	if answer := b.say(link, status(1)); answer[0] != 0x81 || answer[7]&3 != 2 {
		b.Errorf("an empty slot is % x", answer)
	}
	b.hand(b.rig.Hand.Put, "put the card in")
	b.eventually("the card is there", func() bool { return b.say(link, status(2))[7]&3 != 2 })
	if answer := b.say(link, []byte{0x62, 0, 0, 0, 0, 0, 3, 0, 0, 0}); answer[0] != 0x80 ||
		len(answer) < 12 || answer[7] != 0 {
		b.Fatalf("power on is answered by % x", answer)
	}
	if link.Descriptor()[40]&0xC2 == 0 { // the host sets the parameters
		b.say(link, []byte{0x61, 5, 0, 0, 0, 0, 4, 0, 0, 0, 0x11, 0, 0, 10, 0})
	}
	n := byte(len(b.rig.UID))
	answer := b.say(link, []byte{0x6F, 5, 0, 0, 0, 0, 5, 0, 0, 0, 0xFF, 0xCA, 0, 0, n})
	if want := append(bytes.Clone(b.rig.UID), 0x90, 0); !bytes.Equal(answer[10:], want) {
		b.Errorf("the uid is % x, want % x", answer[10:], want)
	}
}

func (b *readerBench) waitsEnd() {
	link := b.open()
	for { // what happened before this check may still have to be told
		if _, err := link.Event(b.within(300*time.Millisecond), make([]byte, 64)); err != nil {
			break
		}
	}
	for name, wait := range map[string]func(context.Context, []byte) (int, error){
		"receive": link.Receive, "event": link.Event,
	} {
		start := time.Now()
		_, err := wait(b.within(150*time.Millisecond), make([]byte, 512))
		if !errors.Is(err, devices.ErrTimeout) {
			b.Errorf("%s: %v, want ErrTimeout", name, err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := wait(ctx, make([]byte, 512)); !errors.Is(err, context.Canceled) {
			b.Errorf("%s: %v, want it cancelled", name, err)
		}
		if took := time.Since(start); took > 3*time.Second {
			b.Errorf("%s took %v", name, took)
		}
	}
	b.say(link, status(7)) // the reader is as usable as before
}

func (b *readerBench) tellsOfCards() {
	slot := b.slot()
	for range 2 {
		for _, do := range []struct {
			hand func(context.Context) error
			what string
			want bool
		}{{b.rig.Hand.Put, "put the card in", true}, {b.rig.Hand.Take, "take the card out", false}} {
			b.hand(do.hand, do.what)
			changed, err := slot.Changed(b.within(patience))
			b.must(err, "wait for the event")
			if !changed {
				b.Errorf("no event when one was to %s", do.what)
			}
			b.eventually("the status follows", func() bool {
				present, _, err := slot.Present(b.within(patience))
				b.must(err, "status")
				return present == do.want
			})
		}
	}
}

// number reads what the driver finds at a place of the card, which it powers first.
func (b *readerBench) number(slot *ccid.Slot, place ccid.Place) (string, error) {
	card, err := slot.PowerOn(b.within(patience))
	if err != nil {
		return "", err
	}
	return ccid.Number(b.within(patience), card, place, devices.NumberFormat{})
}

func (b *readerBench) putIn(slot *ccid.Slot) {
	b.Helper()
	b.hand(b.rig.Hand.Put, "put the card in")
	b.eventually("the card is noticed", func() bool {
		present, _, err := slot.Present(b.within(patience))
		b.must(err, "status")
		return present
	})
}

func (b *readerBench) driverReads() {
	slot := b.slot()
	if _, err := b.number(slot, ccid.Place{}); !errors.Is(err, ccid.ErrNoCard) {
		b.Errorf("an empty reader gives %v, want ErrNoCard", err)
	}
	b.putIn(slot)
	for range 2 {
		uid, err := b.number(slot, ccid.Place{})
		if want, _ := (devices.NumberFormat{}).Format(b.rig.UID); uid != want || err != nil {
			b.Errorf("uid %s, want %s (%v)", uid, want, err)
		}
		number, err := b.number(slot, b.rig.Place)
		if number != b.rig.Number || err != nil {
			b.Errorf("the file says %s, want %s (%v)", number, b.rig.Number, err)
		}
		elsewhere := b.rig.Place
		elsewhere.Files = [][]byte{{0x7E, 0x57}}
		if _, err := b.number(slot, elsewhere); !errors.Is(err, ccid.ErrForeign) {
			b.Errorf("a file that is not there: %v, want ErrForeign", err)
		}
	}
	if _, powered, err := slot.Present(b.within(patience)); !powered || err != nil {
		b.Errorf("powered %t after reading (%v)", powered, err)
	}
}

func (b *readerBench) cardIsTaken() {
	slot := b.slot()
	b.putIn(slot)
	card, err := slot.PowerOn(b.within(patience))
	b.must(err, "power on")
	b.hand(b.rig.Hand.Take, "take the card out")
	uid := []byte{0xFF, 0xCA, 0, 0, 0}
	b.eventually("the card is gone", func() bool {
		_, err := card.Transmit(b.within(patience), uid)
		if err != nil && !errors.Is(err, ccid.ErrNoCard) && !errors.Is(err, ccid.ErrMute) {
			b.Errorf("%v, want ErrNoCard or ErrMute", err)
		}
		return err != nil
	})
	b.must(card.Close(), "close the card that is gone")
	if _, err := card.Transmit(b.within(patience), uid); !errors.Is(err, devices.ErrClosed) {
		b.Errorf("transmit after close: %v, want ErrClosed", err)
	}
}
