//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/devicestest"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// The ids of qemu's reader.
const qemuVendor, qemuProduct = 0x08E6, 0x4433

// TestGuestReaderOfQemu: the suite on a reader and a kernel we did not write. It is of TPDU level.
func TestGuestReaderOfQemu(t *testing.T) {
	guestOnly(t)
	hand := openHand(t)
	devicestest.Readers(t, func(t *testing.T) devicestest.ReaderRig {
		bus := usb.New()
		t.Cleanup(func() { _ = bus.Close() })
		if err := hand.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		return devicestest.ReaderRig{Bus: bus, Hand: hand, UID: idCard().UID, Place: idPlace,
			Number: idNumber, Match: func(i devices.Info) bool {
				return i.Vendor == qemuVendor && i.Product == qemuProduct
			}}
	})
}

// serialHand handles qemu's card over a serial line.
type serialHand struct {
	port  *os.File
	lines *bufio.Scanner
}

func openHand(t *testing.T) *serialHand {
	t.Helper()
	must(t, "stty", "-F", "/dev/ttyS1", "raw", "-echo")
	port, err := os.OpenFile("/dev/ttyS1", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() })
	return &serialHand{port: port, lines: bufio.NewScanner(port)}
}

func (h *serialHand) ask(order string) error {
	if _, err := fmt.Fprintln(h.port, order); err != nil {
		return err
	}
	if !h.lines.Scan() || strings.TrimSpace(h.lines.Text()) != "done" {
		return fmt.Errorf("%s: %q", order, h.lines.Text())
	}
	return nil
}

func (h *serialHand) Put(context.Context) error    { return h.ask("put") }
func (h *serialHand) Take(context.Context) error   { return h.ask("take") }
func (h *serialHand) Plug(context.Context) error   { return devices.ErrUnsupported }
func (h *serialHand) Unplug(context.Context) error { return devices.ErrUnsupported }

// rigReader is a virtual reader in the guest's kernel.
type rigReader struct {
	*virtual.CardReader
	t    *testing.T
	twin *virtual.CardReaders // only to plug it in and out
	bus  *usb.Bus
	port *usbip.Port
}

func plugReader(t *testing.T, o virtual.CardReaderOptions) *rigReader {
	t.Helper()
	guestOnly(t)
	r := &rigReader{CardReader: virtual.NewCardReader(o), t: t, twin: virtual.NewCardReaders(),
		bus: usb.New()}
	t.Cleanup(func() {
		r.pull()
		_ = r.bus.Close()
	})
	r.plug()
	return r
}

// ours finds virtual readers in a listing.
func ours(i devices.Info) bool { return i.Vendor == 0x04E6 && i.Product == 0x5790 }

func (r *rigReader) listed() bool {
	infos, err := r.bus.ListReaders(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, i := range infos {
		if ours(i) {
			return true
		}
	}
	return false
}

func (r *rigReader) plug() {
	r.t.Helper()
	r.twin.Plug(r.CardReader)
	port, err := usbip.Attach(context.Background(), r.USB())
	if err != nil {
		r.t.Fatal(err)
	}
	r.port = port
	if !within(10*time.Second, r.listed) {
		r.t.Fatal("the kernel has no reader")
	}
}

func (r *rigReader) pull() {
	r.t.Helper()
	if r.port == nil {
		return
	}
	r.twin.Unplug(r.CardReader)
	if err := r.port.Detach(); err != nil {
		r.t.Error(err)
	}
	r.port = nil
	if !within(10*time.Second, func() bool { return !r.listed() }) {
		r.t.Error("the kernel has not cleared the reader away")
	}
}

// rigHand handles it for the suite.
type rigHand struct {
	r    *rigReader
	card *virtual.SmartCard
}

func (h rigHand) Put(context.Context) error    { h.r.Put(h.card); return nil }
func (h rigHand) Take(context.Context) error   { h.r.Take(); return nil }
func (h rigHand) Plug(context.Context) error   { h.r.plug(); return nil }
func (h rigHand) Unplug(context.Context) error { h.r.pull(); return nil }

// TestGuestReaderConformance: what every reader bus must do, this one does through a kernel.
func TestGuestReaderConformance(t *testing.T) {
	guestOnly(t)
	devicestest.Readers(t, func(t *testing.T) devicestest.ReaderRig {
		r := plugReader(t, virtual.CardReaderOptions{Serial: "R1"})
		return devicestest.ReaderRig{Bus: r.bus, Hand: rigHand{r, idCard()}, Match: ours,
			UID: idCard().UID, Place: idPlace, Number: idNumber}
	})
}

// source runs a source of taps on the reader until the test ends.
func (r *rigReader) source(place ccid.Place) (*ccid.Reader, chan devices.Tap) {
	r.t.Helper()
	reader, err := ccid.New(r.bus, ccid.Options{Name: "rig", Place: place,
		Match: ccid.Match{Vendor: 0x04E6, Interface: -1}})
	if err != nil {
		r.t.Fatal(err)
	}
	taps := make(chan devices.Tap)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = reader.Run(ctx, taps) })
	r.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return reader, taps
}

// TestGuestReaderPcscd: Debian's pcscd and OpenSC read the card in our reader, and while pcscd holds
// it we say that it is busy; afterwards we have it.
func TestGuestReaderPcscd(t *testing.T) {
	r := plugReader(t, virtual.CardReaderOptions{})
	r.Put(idCard())
	stop := startPcscd(t)
	var list string
	if !within(15*time.Second, func() bool {
		list, _ = tool("opensc-tool", "--list-readers")
		return strings.Contains(list, "04e6") || strings.Contains(list, "3700")
	}) {
		t.Fatalf("pcscd does not list the reader:\n%s", list)
	}
	t.Log(list)
	number := ""
	for line := range strings.Lines(list) {
		if strings.Contains(line, "3700") {
			number = strings.Fields(line)[0]
		}
	}
	out := must(t, "opensc-tool", "--reader", number, "--send-apdu", "FF:CA:00:00:00")
	if !strings.Contains(out, "04 A1 B2 C3 D4 E5 80") {
		t.Errorf("opensc-tool reads\n%s", out)
	}
	if atr := must(t, "opensc-tool", "--reader", number, "--atr"); !strings.Contains(
		atr, "3b:02:14:50") {
		t.Errorf("opensc-tool says the card answers\n%s", atr)
	}
	reader, taps := r.source(ccid.Place{})
	if !within(5*time.Second, func() bool { return errors.Is(reader.Trouble(), devices.ErrBusy) }) {
		t.Errorf("with pcscd holding the reader: %v, want ErrBusy", reader.Trouble())
	}
	stop()
	if tap := waitTap(t, taps); tap.Number != "04A1B2C3D4E580" {
		t.Errorf("without pcscd: %+v", tap)
	}
}

func startPcscd(t *testing.T) (stop func()) {
	t.Helper()
	cmd := exec.Command("pcscd", "--foreground")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func waitTap(t *testing.T, taps <-chan devices.Tap) devices.Tap {
	t.Helper()
	select {
	case tap := <-taps:
		return tap
	case <-time.After(10 * time.Second):
		t.Fatal("no tap")
		return devices.Tap{}
	}
}

// TestGuestReaderRule: with our rule the reader is the group's, from the moment it is plugged in, and
// nobody else's.
func TestGuestReaderRule(t *testing.T) {
	guestOnly(t)
	startUdev(t, true)
	daemon := startHolder(t, daemonUser, daemonGroup)
	r := plugReader(t, virtual.CardReaderOptions{})
	daemon.do("reader")
	must(t, "udevadm", "settle")
	daemon.do("reader")
	stranger := startHolder(t, daemonUser, daemonUser)
	if got := stranger.ask("reader"); !refuses(got, devices.ErrPermission) {
		t.Errorf("a stranger: %q, want %q", got, devices.ErrPermission)
	}
	if !r.Plugged() {
		t.Error("the reader was pulled meanwhile")
	}
}

// TestGuestReaderSoak: cards and the reader come and go at random. Every card that stays is tapped
// once, and nothing is left behind.
func TestGuestReaderSoak(t *testing.T) {
	r := plugReader(t, virtual.CardReaderOptions{})
	_, taps := r.source(ccid.Place{})
	chance := rand.New(rand.NewPCG(1, 2))
	turn := func(i int) {
		card := &virtual.SmartCard{UID: []byte{4, 1, byte(i >> 8), byte(i), 5, 6, 7}}
		r.Put(card)
		if chance.IntN(4) == 0 { // pulled while it is read, or before
			time.Sleep(time.Duration(chance.IntN(8000)) * time.Microsecond)
			r.Take()
			select {
			case <-taps:
			case <-time.After(20 * time.Millisecond):
			}
			return
		}
		want, _ := devices.NumberFormat{}.Format(card.UID)
		for waitTap(t, taps).Number != want { // the one before may have been read just in time
		}
		r.Take()
	}
	turn(0)
	goroutines, memory := runtime.NumGoroutine(), heap()
	began := time.Now()
	for i := range 200 {
		turn(i + 1)
		if i%50 == 49 {
			r.pull()
			r.plug()
		}
	}
	t.Logf("200 cards and 4 pluggings in %v", time.Since(began))
	if !within(2*time.Second, func() bool { return runtime.NumGoroutine() <= goroutines+2 }) {
		t.Errorf("%d goroutines, %d at the start", runtime.NumGoroutine(), goroutines)
	}
	if now := heap(); now > memory+1<<20 {
		t.Errorf("%d bytes in use, %d at the start", now, memory)
	}
}

// heap is what is in use once everything that can go has gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
