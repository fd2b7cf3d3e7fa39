package ccid_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// desk is a source at work on a bus of virtual readers, and what it gave.
type desk struct {
	t      *testing.T
	bus    *virtual.CardReaders
	source *ccid.Reader
	taps   chan devices.Tap
	stop   func()
}

// start runs a source; it must be in a bubble of synctest, where waiting costs nothing.
func start(t *testing.T, o ccid.Options, readers ...*virtual.CardReader) *desk {
	t.Helper()
	d := &desk{t: t, bus: virtual.NewCardReaders(readers...), taps: make(chan devices.Tap)}
	o.Name, o.Match.Interface = "counter", -1
	var err error
	if d.source, err = ccid.New(d.bus, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.source.Run(ctx, d.taps) }()
	d.stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the source ended by %v", err)
		}
		if d.source.Up() {
			t.Error("a source that ended is up")
		}
	}
	time.Sleep(time.Second)
	return d
}

// all are the taps until there was none for a while.
func (d *desk) all(quiet time.Duration) (taps []devices.Tap) {
	for {
		select {
		case tap := <-d.taps:
			taps = append(taps, tap)
		case <-time.After(quiet):
			return taps
		}
	}
}

func (d *desk) want(what string, want ...devices.Tap) {
	d.t.Helper()
	for i := range want {
		want[i].Reader = "counter"
	}
	if diff := cmp.Diff(want, d.all(5*time.Second)); diff != "" {
		d.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewCardReader(virtual.CardReaderOptions{})
		d := start(t, ccid.Options{}, r)
		defer d.stop()
		r.Put(idCard())
		d.want("a card", devices.Tap{Number: "04A1B2C3D4E580"})
		r.Put(idCard())
		d.want("the same card, lifted for a moment")
		r.Put(&virtual.SmartCard{UID: []byte{1, 2, 3, 4}})
		d.want("another card in its place", devices.Tap{Number: "01020304"})
		r.Take()
		d.want("no card")
		r.Put(&virtual.SmartCard{UID: []byte{1, 2, 3, 4}})
		d.want("the same card again", devices.Tap{Number: "01020304"})
		r.Put(&virtual.SmartCard{Random: true})
		d.want("a random UID", devices.Tap{Why: devices.WhyRandom})
		r.Put(&virtual.SmartCard{})
		d.want("a card without UID", devices.Tap{Why: devices.WhyForeign})
	})
}

func TestTapOfWhatWasReadWrongly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewCardReader(virtual.CardReaderOptions{})
		d := start(t, ccid.Options{Format: devices.NumberFormat{Checksum: devices.ChecksumXOR}}, r)
		defer d.stop()
		r.Put(idCard())
		d.want("no checksum", devices.Tap{Why: devices.WhyChecksum})
		r.Misbehave(virtual.ReaderFault{MuteCard: 100})
		r.Take()
		r.Put(idCard())
		d.want("a mute card", devices.Tap{Why: devices.WhyUnreadable})
		r.Take()
		r.Misbehave(virtual.ReaderFault{MuteCard: 2})
		r.Put(&virtual.SmartCard{UID: []byte{1, 2, 3, 4, 4}})
		d.want("a card that takes a while", devices.Tap{Number: "01020304"})
	})
}

// TestPulledWhileRead: a card that goes in the middle is no error and no tap.
func TestPulledWhileRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewCardReader(virtual.CardReaderOptions{})
		d := start(t, ccid.Options{Place: ccid.Place{AID: []byte{0xF0, 1, 2, 3, 4, 5},
			Files: [][]byte{{0x50, 0x31}}, Offset: 2, Length: 8, Text: true}}, r)
		defer d.stop()
		synctest.Wait() // what the reader is asked at the start is none of the commands
		for commands := 1; commands <= 4; commands++ {
			r.Misbehave(virtual.ReaderFault{PullCardAfter: commands})
			r.Put(idCard())
			d.want(fmt.Sprintf("a card that was pulled after %d commands", commands))
			if !d.source.Up() {
				t.Errorf("pulled after %d commands: %v", commands, d.source.Trouble())
			}
			r.Misbehave(virtual.ReaderFault{})
		}
		r.Put(idCard())
		d.want("a card that stays", devices.Tap{Number: "04127781"})
	})
}

// TestNobodyListens: a tap does not wait in a queue until it is stale; the card is read again if it
// still lies there.
func TestNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewCardReader(virtual.CardReaderOptions{})
		d := start(t, ccid.Options{}, r)
		defer d.stop()
		r.Put(idCard())
		time.Sleep(10 * time.Second)
		r.Take()
		time.Sleep(3 * time.Second)
		d.want("a card long gone")
		r.Put(idCard())
		time.Sleep(10 * time.Second)
		d.want("a card that still lies there", devices.Tap{Number: "04A1B2C3D4E580"})
	})
}

func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewCardReader(virtual.CardReaderOptions{})
		r.Misbehave(virtual.ReaderFault{Busy: true})
		d := start(t, ccid.Options{}, r)
		defer d.stop()
		noticed := func(what string, want error) {
			t.Helper()
			time.Sleep(2 * time.Second)
			if got := d.source.Trouble(); !errors.Is(got, want) || d.source.Up() != (want == nil) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		noticed("held by another program", devices.ErrBusy)
		r.Misbehave(virtual.ReaderFault{})
		noticed("let go", nil)
		d.bus.Unplug(r)
		noticed("pulled", devices.ErrUnplugged)
		d.bus.Plug(r)
		noticed("back", nil)
		r.Misbehave(virtual.ReaderFault{Mute: 1000})
		time.Sleep(20 * time.Second)
		noticed("it says nothing any more", devices.ErrTimeout)
		r.Misbehave(virtual.ReaderFault{})
		time.Sleep(20 * time.Second)
		noticed("it speaks again", nil)
	})
}

// TestSeveralReaders: two sources share what is there, and each finds its own by what it knows.
func TestSeveralReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := virtual.NewCardReader(virtual.CardReaderOptions{Serial: "L"})
		right := virtual.NewCardReader(virtual.CardReaderOptions{Serial: "R", Deaf: true})
		d := start(t, ccid.Options{Match: ccid.Match{Serial: "R", Model: "card"}}, left, right)
		defer d.stop()
		left.Put(idCard())
		d.want("the other reader's card")
		right.Put(idCard())
		d.want("its own card, by a reader that never tells", devices.Tap{Number: "04A1B2C3D4E580"})
		other := start(t, ccid.Options{Match: ccid.Match{Tokens: []uint16{0x04E6}}}, left)
		defer other.stop()
		if other.source.Up() {
			t.Error("a token's own reader was taken")
		}
	})
}

// TestRandomTaps: ten thousand cards and pluggings at random times on two readers. Every card that
// stays long enough is given once, and nothing is left behind.
func TestRandomTaps(t *testing.T) {
	turns := 10_000
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewCardReader(virtual.CardReaderOptions{})
		s := virtual.NewCardReader(virtual.CardReaderOptions{Features: virtual.FeaturesTPDU, Deaf: true})
		d := start(t, ccid.Options{}, r, s)
		defer d.stop()
		chance := rand.New(rand.NewPCG(7, 11))
		turn := func(i int) {
			reader := []*virtual.CardReader{r, s}[i/100%2] // the source is on the first that is there
			card := &virtual.SmartCard{UID: []byte{4, byte(i >> 16), byte(i >> 8), byte(i), 5, 6, 7}}
			number := strings.ToUpper(hex.EncodeToString(card.UID))
			stays := true
			switch chance.IntN(5) {
			case 0:
				reader.Misbehave(virtual.ReaderFault{PullCardAfter: 1 + chance.IntN(4)})
				stays = false
			case 1:
				reader.Misbehave(virtual.ReaderFault{UnplugAfter: 1 + chance.IntN(4)})
			case 2:
				reader.Misbehave(virtual.ReaderFault{WrongSequence: 1, Extend: chance.IntN(3)})
			}
			reader.Put(card)
			time.Sleep(time.Duration(chance.IntN(400)) * time.Millisecond)
			reader.Misbehave(virtual.ReaderFault{})
			d.bus.Plug(reader)
			given := 0
			for _, tap := range d.all(1500 * time.Millisecond) {
				if tap.Number != number {
					t.Fatalf("turn %d: %+v, want %s", i, tap, number)
				}
				given++
			}
			// A reader that was pulled and put back reads what lies there anew.
			if stays && given == 0 || given > 2 {
				t.Fatalf("turn %d: a card that stays %t was given %d times; trouble %v", i, stays,
					given, d.source.Trouble())
			}
			reader.Take()
			time.Sleep(time.Duration(300+chance.IntN(100)) * time.Millisecond)
			if i%100 == 99 {
				d.bus.Unplug(reader)
				d.bus.Plug([]*virtual.CardReader{s, r}[i/100%2])
				time.Sleep(time.Second)
			}
		}
		d.bus.Unplug(s)
		turn(0)
		goroutines, memory := runtime.NumGoroutine(), heap()
		for i := 1; i < turns; i++ {
			turn(i)
		}
		time.Sleep(5 * time.Second)
		// The runtime may have one or two of its own under way; a leak would have thousands.
		if now := runtime.NumGoroutine(); now > goroutines+2 {
			t.Errorf("%d goroutines, %d at the start", now, goroutines)
		}
		if now := heap(); now > memory+512<<10 {
			t.Errorf("%d bytes in use, %d at the start", now, memory)
		}
	})
}

// heap is what is in use once everything that can go has gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
