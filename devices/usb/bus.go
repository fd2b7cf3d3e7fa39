//go:build linux && cgo && !nousb

package usb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/karalabe/hid"

	"github.com/tokendesk/tokendesk/devices"
)

// Supported says whether this build can reach a USB bus at all.
const Supported = true

// Where the kernel describes devices and where it lets them be opened.
const (
	sysDevices = "/sys/bus/usb/devices"
	devNodes   = "/dev/bus/usb"
)

// Classes of interfaces, as the kernel writes them (USB-IF: defined class codes).
const (
	classHID       = "03"
	classSmartCard = "0b"
)

// Bus is the machine's USB bus. It may be used from many goroutines. One is enough for a process.
type Bus struct {
	mu sync.Mutex
	// told is what the devices that are plugged in call themselves, by plugging.
	told map[string]*labels
	// opening is full while the library opens a device, which it does one at a time.
	opening chan struct{}
}

var _ devices.Bus = (*Bus)(nil)

// New returns a bus. Nothing is looked for until it is first listed, so that a machine whose USB
// stack is not there yet can start and be asked again.
func New() *Bus {
	return &Bus{told: map[string]*labels{}, opening: make(chan struct{}, 1)}
}

// List returns the HID interfaces plugged in now. It reads sysfs and opens nothing.
func (b *Bus) List(ctx context.Context) ([]devices.Info, error) {
	return b.list(ctx, classHID)
}

// Close does nothing: what a bus needs is taken when a device is opened, and given back with it.
func (*Bus) Close() error { return nil }

// Open takes the interface over from the kernel. After a process that held it was killed the
// kernel's own driver is left detached; that is no obstacle here.
func (b *Bus) Open(ctx context.Context, info devices.Info) (devices.HID, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("open usb device: %w", ended(ctx))
	}
	port, err := findPort(info)
	if err != nil {
		return nil, fmt.Errorf("open usb device: %w", err)
	}
	if err := port.accessible(); err != nil {
		return nil, fmt.Errorf("open usb device: %w", err)
	}
	port.settle(ctx)
	dev, err := b.open(ctx, info.Path)
	for range unseenTries {
		if err == nil || ctx.Err() != nil || port.held() || !port.present() {
			break
		}
		time.Sleep(unseenTime)
		dev, err = b.open(ctx, info.Path)
	}
	switch {
	case err == nil:
		return &handle{dev: dev, port: port}, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("open usb device: %w", ended(ctx))
	// The library never says why.
	case port.held():
		return nil, fmt.Errorf("open usb device: %w", devices.ErrBusy)
	case port.gone():
		return nil, fmt.Errorf("open usb device: %w", devices.ErrUnplugged)
	}
	return nil, fmt.Errorf("open usb device: %w", errUnopened)
}

// The library hears of a new device on a thread of its own, and it is asked again for a moment.
const (
	unseenTries = 3
	unseenTime  = 100 * time.Millisecond
)

// errUnopened is a device that the library cannot open, or finds no such interface in.
var errUnopened = errors.New("the device cannot be opened")

// open opens a device by its path, which is in the same words as ours; enumerating first would open
// every HID device of the machine to read its strings. The library looks at each device until it has
// found the one, and waits for the kernel where that is still busy with one of them, for as long as
// a device may keep the kernel waiting. That is not waited for here: what comes late is closed.
func (b *Bus) open(ctx context.Context, path string) (hid.Device, error) {
	select {
	case b.opening <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type opened struct {
		dev hid.Device
		err error
	}
	done := make(chan opened)
	go func() {
		defer func() { <-b.opening }()
		dev, err := hid.DeviceInfo{Path: path}.Open()
		select {
		case done <- opened{dev, err}:
		case <-ctx.Done():
			if err == nil {
				_ = dev.Close()
			}
		}
	}()
	select {
	case o := <-done:
		return o.dev, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// plugID names one plugging. Addresses of a bus come round again after 127 pluggings; the inode of
// the device node does not.
func plugID(path string, bus, address int) string {
	id := fmt.Sprintf("%s@%d", path, address)
	if st, err := os.Stat(nodePath(bus, address)); err == nil {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			id += fmt.Sprintf(".%d", sys.Ino)
		}
	}
	return id
}

// nodePath is the device's node (kernel: drivers/usb/core/devio.c).
func nodePath(bus, address int) string {
	return fmt.Sprintf("%s/%03d/%03d", devNodes, bus, address)
}

// attribute reads what the kernel remembers of a device since it was plugged in: nothing is sent
// to the device.
func attribute(device, name string) string {
	raw, err := os.ReadFile(filepath.Join(sysDevices, device, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// hexAttribute is an attribute that is a number of four digits.
func hexAttribute(device, name string) (uint16, error) {
	n, err := strconv.ParseUint(attribute(device, name), 16, 16)
	return uint16(n), err
}
