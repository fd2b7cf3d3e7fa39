package devicestest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
)

// watched is a source of taps that runs.
type watched struct {
	*ccid.Reader
	taps chan devices.Tap
}

// watch runs a source on the rig's reader until the check ends.
func (b *readerBench) watch(place ccid.Place) *watched {
	b.Helper()
	reader, err := ccid.New(b.rig.Bus, ccid.Options{Name: "rig", Place: place, Match: ccid.Match{
		Vendor: b.present.Vendor, Product: b.present.Product, Serial: b.present.Serial,
		Interface: -1}})
	b.must(err, "make the source")
	w := &watched{Reader: reader, taps: make(chan devices.Tap)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := reader.Run(ctx, w.taps); !errors.Is(err, context.Canceled) {
			b.Errorf("the source ended by %v", err)
		}
	})
	b.Cleanup(func() {
		cancel()
		running.Wait()
	})
	b.eventually("the source is up", reader.Up)
	return w
}

// next is the next tap, or none if there is none for a while.
func (b *readerBench) next(w *watched, patience time.Duration) (tap devices.Tap, some bool) {
	select {
	case tap := <-w.taps:
		return tap, true
	case <-time.After(patience):
		return devices.Tap{}, false
	}
}

// wantTap lays the card down and wants one tap of it, and no second one while it lies there.
func (b *readerBench) wantTap(w *watched, number string) {
	b.Helper()
	b.hand(b.rig.Hand.Put, "put the card in")
	if tap, some := b.next(w, patience); !some || tap != (devices.Tap{Reader: "rig", Number: number}) {
		b.Errorf("tap %+v (%t), want %s; trouble %v", tap, some, number, w.Trouble())
	}
	if tap, some := b.next(w, 600*time.Millisecond); some {
		b.Errorf("a second tap %+v of a card that lies there", tap)
	}
}

func (b *readerBench) taps() {
	w := b.watch(b.rig.Place)
	for range 2 {
		b.wantTap(w, b.rig.Number)
		b.hand(b.rig.Hand.Take, "take the card out")
		if tap, some := b.next(w, 600*time.Millisecond); some {
			b.Errorf("taking the card away gave %+v", tap)
		}
	}
}

// unplugged: whatever is asked of a reader that is gone, it says so, again and again.
func (b *readerBench) unplugged() {
	link := b.open()
	b.hand(b.rig.Hand.Unplug, "unplug the reader")
	b.waitListed(false)
	buf := make([]byte, 512)
	for range 2 {
		_, received := link.Receive(b.within(patience), buf)
		_, event := link.Event(b.within(patience), buf)
		for _, err := range []error{link.Send(b.within(patience), status(1)), received, event} {
			if !errors.Is(err, devices.ErrUnplugged) {
				b.Errorf("%v, want ErrUnplugged", err)
			}
		}
	}
	b.must(link.Close(), "close")
	if _, err := b.rig.Bus.OpenReader(b.within(patience), b.present); !errors.Is(
		err, devices.ErrUnplugged) {
		b.Errorf("open: %v, want ErrUnplugged", err)
	}
}

func (b *readerBench) unplugWakesAWait() {
	link := b.open()
	pulled := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { pulled <- b.rig.Hand.Unplug(b.Context()) })
	began := time.Now()
	_, err := link.Event(b.within(patience), make([]byte, 64))
	if pulled := <-pulled; errors.Is(pulled, devices.ErrUnsupported) {
		b.Skip("nobody here can unplug the reader")
	}
	if took := time.Since(began); !errors.Is(err, devices.ErrUnplugged) || took > 2*time.Second {
		b.Errorf("%v after %v, want ErrUnplugged", err, took)
	}
}

// replug: a source says within two seconds that its reader is gone, and reads cards again when it
// is back.
func (b *readerBench) replug() {
	w := b.watch(ccid.Place{})
	uid, err := devices.NumberFormat{}.Format(b.rig.UID)
	b.must(err, "format")
	b.wantTap(w, uid)
	began := time.Now()
	b.hand(b.rig.Hand.Unplug, "unplug the reader")
	b.eventually("the source is down", func() bool { return !w.Up() })
	if took := time.Since(began); took > 2*time.Second {
		b.Errorf("a pulled reader was noticed after %v", took)
	} else {
		b.Logf("a pulled reader was noticed after %v", took)
	}
	b.hand(b.rig.Hand.Take, "take the card out")
	b.hand(b.rig.Hand.Plug, "plug the reader in")
	b.eventually("the source is up again", w.Up)
	b.wantTap(w, uid)
}
