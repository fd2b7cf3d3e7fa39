//go:build linux

package printer

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// TestPrintsOnDevice: a character device that answers, as /dev/usb/lp0 does. Here it is a terminal.
func TestPrintsOnDevice(t *testing.T) {
	host, name := terminal(t)
	paper := virtual.NewPaper(wideDots)
	go func() {
		chunk := make([]byte, 4096)
		for {
			n, err := host.Read(chunk)
			if _, wrong := host.Write(paper.Receive(chunk[:n])); err != nil || wrong != nil {
				return
			}
		}
	}()
	p, err := Open(Options{Kind: "escpos", Device: name})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Print(t.Context(), samples()["loan"]); err != nil {
		t.Fatal(err)
	}
	if len(paper.Slips()) != 1 || paper.Strange() != 0 {
		t.Errorf("%d slips, %d strange bytes", len(paper.Slips()), paper.Strange())
	}
	paper.SetOut(true)
	if s, err := p.Status(t.Context()); err != nil || s.Paper {
		t.Errorf("without paper: %+v, %v", s, err)
	}
}

// terminal is both ends of a line that changes no byte. The other end is kept open, so that the
// host reads on between two slips.
func terminal(t *testing.T) (*os.File, string) {
	t.Helper()
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = host.Close() })
	fd := int(host.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	device, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	state, err := unix.IoctlGetTermios(int(device.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	state.Iflag, state.Oflag, state.Lflag = 0, 0, 0
	state.Cc[unix.VMIN] = 1
	if err := unix.IoctlSetTermios(int(device.Fd()), unix.TCSETS, state); err != nil {
		t.Fatal(err)
	}
	return host, name
}
