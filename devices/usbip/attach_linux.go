package usbip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// vhci is the kernel's virtual host controller (drivers/usb/usbip/vhci_sysfs.c).
const vhci = "/sys/devices/platform/vhci_hcd.0"

// Attach plugs a device into this kernel: one end of a socket pair goes to vhci_hcd, the other is
// served here. It needs root and the module vhci-hcd.
func Attach(ctx context.Context, device Device) (*Port, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("attach usb device: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "usbip"), os.NewFile(uintptr(pair[1]), "vhci")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("attach usb device: %w", err)
	}
	// Serving starts first: the kernel reads descriptors before it lets go of the write below.
	ctx, cancel := context.WithCancel(ctx)
	p := &Port{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = ServeConn(ctx, conn, device)
	}()
	if p.Number, err = plugIn(theirs, device.Speed()); err != nil {
		cancel()
		<-p.done
		return nil, fmt.Errorf("attach usb device: %w", err)
	}
	return p, nil
}

// plugIn gives the socket to a free port.
func plugIn(socket *os.File, speed Speed) (int, error) {
	free, err := freePorts()
	if err != nil {
		return 0, err
	}
	err = errors.New("no free port on vhci_hcd")
	for _, number := range free {
		// "port sockfd devid speed"; the device id only has to be there.
		line := fmt.Sprintf("%d %d %d %d", number, socket.Fd(), number+2, speed)
		if err = os.WriteFile(filepath.Join(vhci, "attach"), []byte(line), 0); err == nil {
			return number, nil
		}
	}
	return 0, err
}

// freePorts lists the unused ports for devices below super speed.
func freePorts() ([]int, error) {
	raw, err := os.ReadFile(filepath.Join(vhci, "status"))
	if err != nil {
		return nil, err
	}
	return parseStatus(string(raw)), nil
}

// parseStatus reads vhci's table: "hs  0000 004 000 00000000 000000 0-0", where the third column
// is 4 for a port with nothing on it (include/uapi/linux/usbip.h, VDEV_ST_NULL).
func parseStatus(table string) (free []int) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "hs" {
			continue
		}
		port, err1 := strconv.Atoi(f[1])
		state, err2 := strconv.Atoi(f[2])
		if errors.Join(err1, err2) == nil && state == 4 {
			free = append(free, port)
		}
	}
	return free
}

// Detach pulls the plug and waits until the port is free again. The kernel takes the device out of
// its tree a little later.
func (p *Port) Detach() error {
	p.cancel()
	<-p.done
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		free, err := freePorts()
		if err != nil {
			return fmt.Errorf("detach usb device: %w", err)
		}
		for _, number := range free {
			if number == p.Number {
				return nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("detach usb device: port %d is still taken", p.Number)
}
