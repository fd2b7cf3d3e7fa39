//go:build linux && cgo && !nousb

package usb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/google/gousb"
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

// Bus is the machine's USB bus. It may be used from many goroutines. One is enough for a process.
type Bus struct {
	mu  sync.Mutex
	ctx *gousb.Context
}

var _ devices.Bus = (*Bus)(nil)

// New returns a bus. Nothing is opened until it is first listed, so that a machine whose USB stack
// is not there yet can start and be asked again.
func New() *Bus { return &Bus{} }

// List returns the HID interfaces plugged in now. It reads descriptors and sysfs and opens nothing.
func (b *Bus) List(ctx context.Context) ([]devices.Info, error) {
	return b.list(ctx, gousb.ClassHID)
}

// list returns the interfaces of a class.
func (b *Bus) list(ctx context.Context, class gousb.Class) ([]devices.Info, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list usb devices: %w", ended(ctx))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.start(); err != nil {
		return nil, fmt.Errorf("list usb devices: %w", err)
	}
	var infos []devices.Info
	// The opener says no to every device: gousb then only reads cached descriptors.
	_, err := b.ctx.OpenDevices(func(d *gousb.DeviceDesc) bool {
		infos = append(infos, describe(d, class)...)
		return false
	})
	if err != nil && len(infos) == 0 {
		return nil, fmt.Errorf("list usb devices: %w", err)
	}
	slices.SortFunc(infos, func(x, y devices.Info) int { return strings.Compare(x.Path, y.Path) })
	return infos, nil
}

// start makes the libusb context. libusb errs, and gousb panics, where the kernel has no USB file
// system; that is a state of the machine and not a mistake of the programmer.
func (b *Bus) start() (err error) {
	if b.ctx != nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("no usb bus on this machine: %w", devices.ErrUnsupported)
		}
	}()
	b.ctx = gousb.NewContext()
	return nil
}

// Close frees libusb's context. Devices that are open stay open: they have one of their own.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx == nil {
		return nil
	}
	err := b.ctx.Close()
	b.ctx = nil
	if err != nil {
		return fmt.Errorf("close usb bus: %w", err)
	}
	return nil
}

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
	// Only the path is looked at, and it is in the same words as ours. Enumerating first would
	// open every HID device of the machine to read its strings.
	dev, err := hid.DeviceInfo{Path: info.Path}.Open()
	if err != nil {
		// The library never says why.
		if port.gone() {
			return nil, fmt.Errorf("open usb device: %w", devices.ErrUnplugged)
		}
		return nil, fmt.Errorf("open usb device: %w", devices.ErrBusy)
	}
	return &handle{dev: dev, port: port}, nil
}

// describe lists a device's interfaces of a class in its active configuration.
func describe(d *gousb.DeviceDesc, class gousb.Class) []devices.Info {
	name := portName(d)
	if name == "" {
		return nil // a root hub
	}
	active, err := strconv.Atoi(attribute(name, "bConfigurationValue"))
	if err != nil {
		return nil // on its way in or out
	}
	var infos []devices.Info
	for _, i := range d.Configs[active].Interfaces {
		if len(i.AltSettings) == 0 || i.AltSettings[0].Class != class {
			continue
		}
		path := fmt.Sprintf("%s:%d.%d", name, active, i.Number)
		infos = append(infos, devices.Info{
			Path:         path,
			ID:           plugID(path, d.Bus, d.Address),
			Vendor:       uint16(d.Vendor),
			Product:      uint16(d.Product),
			Release:      uint16(d.Device),
			Interface:    i.Number,
			Manufacturer: devices.Label(attribute(name, "manufacturer")),
			Name:         devices.Label(attribute(name, "product")),
			Serial:       devices.Label(attribute(name, "serial")),
		})
	}
	return infos
}

// portName is what the kernel calls the port chain, for example "1-4.2"; root hubs have none.
func portName(d *gousb.DeviceDesc) string {
	if len(d.Path) == 0 {
		return ""
	}
	chain := make([]string, len(d.Path))
	for i, p := range d.Path {
		chain[i] = strconv.Itoa(p)
	}
	return fmt.Sprintf("%d-%s", d.Bus, strings.Join(chain, "."))
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
