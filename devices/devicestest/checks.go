package devicestest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// reportSize is the length of a feature report and of a boot keyboard report.
const reportSize = 8

func (b *bench) listIsStable() {
	for range 3 {
		if again, found := b.find(); !found || again != b.present {
			b.Fatalf("listed %+v, then %+v (found %v)", b.present, again, found)
		}
	}
	if b.present.Path == "" {
		b.Error("the device has no path")
	}
}

func (b *bench) listFollowsThePlug() {
	b.must(b.rig.Hand.Unplug(b.within(patience)), "unplug")
	b.waitListed(false)
	b.must(b.rig.Hand.Plug(b.within(patience)), "plug")
	again := b.waitListed(true)
	if again.Vendor != b.present.Vendor || again.Product != b.present.Product {
		b.Errorf("came back as %+v, was %+v", again, b.present)
	}
	if again.ID != "" && again.ID == b.present.ID {
		b.Errorf("the second plugging has the ID of the first, %q", again.ID)
	}
}

func (b *bench) openIsExclusive() {
	b.open()
	second, err := b.rig.Bus.Open(b.within(patience), b.present)
	if !errors.Is(err, devices.ErrBusy) {
		b.Errorf("a second open: %v, want ErrBusy", err)
	}
	if second != nil {
		b.Error("a second open gave a device")
	}
}

func (b *bench) reopenAfterClose() {
	for range 2 {
		hid := b.open()
		b.status(hid)
		b.must(hid.Close(), "close")
	}
}

func (b *bench) openOfWhatIsGone() {
	b.must(b.rig.Hand.Unplug(b.within(patience)), "unplug")
	b.waitListed(false)
	if _, err := b.rig.Bus.Open(b.within(patience), b.present); !errors.Is(
		err, devices.ErrUnplugged) {
		b.Errorf("open: %v, want ErrUnplugged", err)
	}
}

// status reads a feature report.
func (b *bench) status(hid devices.HID) [reportSize]byte {
	b.Helper()
	var report [reportSize]byte
	n, err := hid.GetFeature(b.within(patience), report[:])
	b.must(err, "get feature report")
	if n != reportSize {
		b.Fatalf("a feature report of %d bytes, want %d", n, reportSize)
	}
	return report
}

// send writes one feature report once the device has consumed the one before: it clears the top
// bit of the last byte then.
func (b *bench) send(hid devices.HID, report [reportSize]byte) {
	b.Helper()
	b.idle(hid)
	b.must(hid.SetFeature(b.within(patience), report[:]), "set feature report")
}

// idle polls until the device has consumed what it was sent, and returns the report it showed.
func (b *bench) idle(hid devices.HID) [reportSize]byte {
	b.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		<-tick.C
		if report := b.status(hid); report[7]&0x80 == 0 {
			return report
		}
	}
	b.Fatal("the device stays busy")
	return [reportSize]byte{}
}

func (b *bench) statusHasEightBytes() {
	hid := b.open()
	first := b.status(hid)
	if first[1] == 0 {
		b.Errorf("firmware %d.%d.%d", first[1], first[2], first[3])
	}
	if again := b.status(hid); again != first {
		b.Errorf("status % x, then % x", first, again)
	}
	b.send(hid, [reportSize]byte{7: 0x8F}) // the write that resets an exchange changes nothing
	if again := b.idle(hid); again != first {
		b.Errorf("status % x, after a reset % x", first, again)
	}
}

// reportsGoBothWays asks for the serial: two reports there (a frame of zeros with command 10), one
// back with the serial in big endian and its checksum.
func (b *bench) reportsGoBothWays() {
	hid := b.open()
	b.send(hid, [reportSize]byte{7: 0x80})
	b.send(hid, [reportSize]byte{0x00, 0x10, 0x6B, 0x5B, 7: 0x89})
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		<-tick.C
		report := b.status(hid)
		if report[7]&0x40 == 0 {
			continue
		}
		if got := binary.BigEndian.Uint32(report[:4]); got != b.rig.Serial {
			b.Errorf("serial %d, want %d", got, b.rig.Serial)
		}
		b.send(hid, [reportSize]byte{7: 0x8F})
		return
	}
	b.Fatal("no answer")
}

func (b *bench) readEndsByItsDeadline() {
	hid := b.open()
	for range 2 {
		start := time.Now()
		_, err := hid.ReadInput(b.within(200*time.Millisecond), make([]byte, reportSize))
		if !errors.Is(err, devices.ErrTimeout) {
			b.Errorf("read: %v, want ErrTimeout", err)
		}
		if took := time.Since(start); took < 150*time.Millisecond || took > 3*time.Second {
			b.Errorf("a read with 200 ms took %v", took)
		}
	}
	b.status(hid) // the device is as usable as before
}

func (b *bench) readEndsWhenCancelled() {
	hid := b.open()
	ctx, cancel := context.WithCancel(b.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	if _, err := hid.ReadInput(ctx, make([]byte, reportSize)); err == nil {
		b.Error("a cancelled read gave a report")
	}
	if took := time.Since(start); took > 3*time.Second {
		b.Errorf("a cancelled read took %v", took)
	}
	b.status(hid)
}

// typed reads reports until the keyboard is silent for a while.
func (b *bench) typed(hid devices.HID, silence time.Duration) [][]byte {
	b.Helper()
	var reports [][]byte
	for {
		report := make([]byte, reportSize)
		n, err := hid.ReadInput(b.within(silence), report)
		if errors.Is(err, devices.ErrTimeout) {
			return reports
		}
		b.must(err, "read")
		if n != reportSize {
			b.Fatalf("an input report of %d bytes", n)
		}
		reports = append(reports, report)
	}
}

func (b *bench) readGivesEveryKeystroke() {
	hid := b.open()
	b.must(b.rig.Hand.Touch(b.within(patience)), "touch")
	first := make([]byte, reportSize)
	_, err := hid.ReadInput(b.within(patience), first)
	b.must(err, "read")
	reports := append([][]byte{first}, b.typed(hid, time.Second)...)
	released := make([]byte, reportSize)
	if len(reports)%2 != 0 {
		b.Fatalf("%d reports, want as many releases as presses", len(reports))
	}
	for i, report := range reports {
		if isRelease := bytes.Equal(report, released); isRelease != (i%2 == 1) {
			b.Errorf("report %d is % x", i+1, report)
		}
	}
	if len(reports) < 2*7 {
		b.Errorf("%d reports, want a line of six digits and Enter at least", len(reports))
	}
}

// act is one of the three things one does with an open device.
type act func(ctx context.Context, hid devices.HID) error

func set(ctx context.Context, hid devices.HID) error {
	return hid.SetFeature(ctx, []byte{7: 0x8F})
}

func get(ctx context.Context, hid devices.HID) error {
	_, err := hid.GetFeature(ctx, make([]byte, reportSize))
	return err
}

func read(ctx context.Context, hid devices.HID) error {
	_, err := hid.ReadInput(ctx, make([]byte, reportSize))
	return err
}

func (b *bench) unplugged(do act) {
	hid := b.open()
	b.must(b.rig.Hand.Unplug(b.within(patience)), "unplug")
	b.waitListed(false)
	for range 2 { // the second time as well
		if err := do(b.within(patience), hid); !errors.Is(err, devices.ErrUnplugged) {
			b.Errorf("%v, want ErrUnplugged", err)
		}
	}
	b.must(hid.Close(), "close")
}

// unplugWakesARead pulls while a read waits; should the pull come first, the law is the same.
func (b *bench) unplugWakesARead() {
	hid := b.open()
	pulled := make(chan error, 1)
	pull := time.AfterFunc(100*time.Millisecond, func() {
		pulled <- b.rig.Hand.Unplug(b.Context())
	})
	defer pull.Stop()
	start := time.Now()
	err := read(b.within(patience), hid)
	if !errors.Is(err, devices.ErrUnplugged) {
		b.Errorf("%v, want ErrUnplugged", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		b.Errorf("the read noticed after %v", took)
	}
	b.must(<-pulled, "unplug")
}

func (b *bench) replugIsAnotherDevice() {
	hid := b.open()
	b.must(b.rig.Hand.Unplug(b.within(patience)), "unplug")
	b.waitListed(false)
	b.must(b.rig.Hand.Plug(b.within(patience)), "plug")
	again := b.waitListed(true)
	if err := get(b.within(patience), hid); !errors.Is(err, devices.ErrUnplugged) {
		b.Errorf("the old device answers %v, want ErrUnplugged", err)
	}
	b.must(hid.Close(), "close the old one")
	b.present = again
	b.status(b.open())
}

func (b *bench) closed() {
	hid := b.open()
	b.must(hid.Close(), "close")
	for _, do := range []act{set, get, read} {
		if err := do(b.within(patience), hid); !errors.Is(err, devices.ErrClosed) {
			b.Errorf("%v, want ErrClosed", err)
		}
	}
}
