//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/wedge"
)

// asReader makes this binary a process that holds the rig's scanner as the daemon does, by the kind
// that its value names, and tells what it reads.
const asReader = "TOKENDESK_RIG_READER"

// The scanner of the rig, as the rule of a site would name it.
const (
	scannerVendor, scannerProduct = 0x05f9, 0x2203
	scannerRule                   = `SUBSYSTEMS=="usb", ATTRS{idVendor}=="05f9", ` +
		`ATTRS{idProduct}=="2203", ENV{TOKENDESK_READER}="%s"` + "\n"
)

// newReader is the scanner's source of taps.
func newReader(kind string, bus devices.Bus) (source devices.TapSource, err error) {
	s := wedge.Settings{Name: kind, Field: wedge.Field{Pattern: "U([0-9]{8})"},
		Device: wedge.Selector{Vendor: scannerVendor, Product: scannerProduct, Serial: "S1"},
		// Emulation is slow, and its clock jumps.
		Pause: time.Second}
	switch kind {
	case "grab":
		return wedge.NewKeyboard(s)
	case "usb":
		return wedge.NewTyping(bus, s, 0)
	}
	s.Field = wedge.Field{Track: 2, Part: 1}
	return wedge.NewStripe(bus, s, 0, wedge.StripeLayout{})
}

// holdReader answers "up" and "down" when the reader is that, and "tap" with the next number.
func holdReader(kind string, orders io.Reader, answers io.Writer) {
	bus := usb.New()
	defer bus.Close()
	source, err := newReader(kind, bus)
	if err != nil {
		fmt.Fprintln(answers, err)
		return
	}
	taps := make(chan devices.Tap)
	go func() { _ = source.Run(context.Background(), taps) }()
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		answer := "done"
		switch order := lines.Text(); order {
		case "up", "down":
			if !within(10*time.Second, func() bool { return source.Up() == (order == "up") }) {
				answer = "in vain"
			}
		case "tap":
			select {
			case tap := <-taps:
				answer = tap.Number + string(tap.Why)
			case <-time.After(10 * time.Second):
				answer = "no tap"
			}
		}
		fmt.Fprintln(answers, answer)
	}
}

// TestGuestWedge: what a scanner types reaches the daemon and no input client.
func TestGuestWedge(t *testing.T) {
	guestOnly(t)
	readerRules(t, "grab")
	startUdev(t, true)
	t.Run("grab", wedgeByNode)
	readerRules(t, "usb")
	must(t, "udevadm", "control", "--reload")
	t.Run("usb", wedgeByInterface)
}

// wedgeByNode: held by its event node. While the daemon is absent the rule tells desktops to leave
// the scanner alone.
func wedgeByNode(t *testing.T) {
	s := plugScanner(t, virtual.ScannerOptions{Serial: "S1"})
	s.leftAlone()
	j := listen(t)
	s.eventually("the judge listens", j.listens)
	s.types("U11111111\n")
	if !j.hears("", "11111111") {
		t.Errorf("the judge is deaf: it heard %q of a scanner that nobody holds", j.heard())
	}
	heard := j.heard()
	h := startAs(t, asReader+"=grab", daemonUser, daemonGroup)
	reads := func(text, number string) {
		t.Helper()
		h.do("up")
		s.eventually("the judge listens", j.listens)
		time.Sleep(1100 * time.Millisecond) // the pause after which a scan is whole
		s.types(text)
		if got := h.ask("tap"); got != number {
			t.Errorf("the daemon read %q, want %q", got, number)
		}
		if j.heard() != heard {
			t.Errorf("held, and an input client heard %d more digits", len(j.heard())-len(heard))
		}
	}
	reads("library book 7\nU20260001\n", "20260001")
	s.pull()
	pulled := time.Now()
	h.do("down")
	took := time.Since(pulled)
	t.Logf("noticed %v after the plug was pulled", took.Round(time.Millisecond))
	if took > 2*time.Second {
		t.Error("that is late")
	}
	s.plug()
	reads("U20260002\n", "20260002")
	h.kill()
	s.leftAlone()
}

// leftAlone checks what udev says of the event node: desktops ignore it, and the daemon's group
// alone may open it.
func (s *rigScanner) leftAlone() {
	s.t.Helper()
	node := s.node()
	properties := must(s.t, "udevadm", "info", "--query=property", "--name="+node)
	st, err := os.Stat(node)
	if err != nil {
		s.t.Fatal(err)
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok || owner.Gid != daemonGroup || st.Mode().Perm() != 0o640 ||
		!strings.Contains(properties, "LIBINPUT_IGNORE_DEVICE=1\n") ||
		strings.Contains(properties, ":uaccess:") {
		s.t.Errorf("%s has mode %v, group %d, and\n%s", node, st.Mode(), owner.Gid, properties)
	}
}

// wedgeByInterface: held by its USB interface. No input client hears the scanner at any moment,
// because the kernel has no keyboard of it.
func wedgeByInterface(t *testing.T) {
	s := plugScanner(t, virtual.ScannerOptions{Serial: "S1"})
	j := listen(t)
	silent := func(moment string) {
		t.Helper()
		s.types("U11111111\n")
		if !j.silent("") {
			t.Errorf("%s: an input client heard %d digits", moment, len(j.heard()))
		}
		if all, err := os.ReadFile("/proc/bus/input/devices"); err != nil ||
			strings.Contains(string(all), "Vendor=05f9") {
			t.Errorf("%s: there is an input device (%v)\n%s", moment, err, all)
		}
	}
	silent("no daemon")
	h := startAs(t, asReader+"=usb", daemonUser, daemonGroup)
	h.do("up")
	time.Sleep(1500 * time.Millisecond) // what nobody took before is torn
	s.types("U20260001\n")
	if got := h.ask("tap"); got != "20260001" {
		t.Errorf("the daemon read %q", got)
	}
	h.kill()
	silent("after the daemon was killed")
}

// TestGuestWedgeStripe: a report of 337 bytes comes in packets of eight through the kernel and
// libusb, and is one card.
func TestGuestWedgeStripe(t *testing.T) {
	s := plugScanner(t, virtual.ScannerOptions{Serial: "S1", Swipes: true, Every: time.Millisecond})
	bus := usb.New()
	source, err := newReader("stripe", bus)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	taps, ended := make(chan devices.Tap), make(chan error)
	go func() { ended <- source.Run(ctx, taps) }()
	s.eventually("the reader is up", source.Up)
	for i, tracks := range [][3]string{
		{"%B4444333322221111^DOE/J^29?", ";4444333322221111=29?", ""}, {"", "E", ""}, {"", ";18=29?", ""},
	} {
		s.Swipe(tracks)
		select {
		case tap := <-taps:
			want := []devices.Tap{{Number: "4444333322221111"}, {Why: devices.WhyUnreadable},
				{Number: "18"}}[i]
			if tap.Number != want.Number || tap.Why != want.Why {
				t.Errorf("swipe %d gave %+v, want %+v", i, tap, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("swipe %d gave nothing", i)
		}
	}
	cancel()
	if err := errors.Join(<-ended, bus.Close()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// readerRules puts our rules for readers in place, and a site's that names the scanner.
func readerRules(t *testing.T, kind string) {
	t.Helper()
	rules, err := os.ReadFile(usbtest.Work + "/72-tokendesk-readers.rules")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(rulePath)
	err = errors.Join(os.MkdirAll(dir, 0o755),
		os.WriteFile(dir+"/71-tokendesk-readers.rules", fmt.Appendf(nil, scannerRule, kind), 0o644),
		os.WriteFile(dir+"/72-tokendesk-readers.rules", rules, 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// rigScanner is a virtual scanner on the guest's bus.
type rigScanner struct {
	*virtual.Scanner
	t    *testing.T
	opts virtual.ScannerOptions
	port *usbip.Port
}

func plugScanner(t *testing.T, o virtual.ScannerOptions) *rigScanner {
	t.Helper()
	guestOnly(t)
	s := &rigScanner{t: t, opts: o}
	s.plug()
	t.Cleanup(s.pull)
	return s
}

// plug puts it in and waits until the kernel knows its interface.
func (s *rigScanner) plug() {
	s.t.Helper()
	s.Scanner = virtual.NewScanner(s.opts)
	var err error
	if s.port, err = usbip.Attach(context.Background(), s.Scanner); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the kernel has the scanner", func() bool {
		found, _ := filepath.Glob("/sys/bus/usb/devices/*:1.0/bInterfaceClass")
		ours := 0
		for _, f := range found {
			if raw, _ := os.ReadFile(f); strings.TrimSpace(string(raw)) == "03" {
				ours++
			}
		}
		return ours == 1 && (s.opts.Swipes || ruled() && settled())
	})
}

// settled says whether udev has nothing to do.
func settled() bool {
	_, err := tool("udevadm", "settle", "--timeout=5")
	return err == nil
}

func (s *rigScanner) pull() {
	s.Pull()
	if s.port == nil {
		return
	}
	if err := s.port.Detach(); err != nil {
		s.t.Error(err)
	}
	s.port = nil
}

// node is its event node.
func (s *rigScanner) node() (node string) {
	s.t.Helper()
	s.eventually("the scanner has an event node", func() bool {
		names, _ := filepath.Glob("/sys/class/input/event*/device/uniq")
		for _, name := range names {
			if raw, _ := os.ReadFile(name); strings.TrimSpace(string(raw)) == "S1" {
				node = "/dev/input/" + filepath.Base(filepath.Dir(filepath.Dir(name)))
			}
		}
		return node != ""
	})
	must(s.t, "udevadm", "settle")
	return node
}

func (s *rigScanner) types(text string) {
	s.t.Helper()
	if err := s.Type(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *rigScanner) eventually(what string, holds func() bool) {
	s.t.Helper()
	if !within(10*time.Second, holds) {
		s.t.Fatalf("waited in vain: %s", what)
	}
}
