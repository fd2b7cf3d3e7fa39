//go:build linux && cgo && !nousb

package usb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// The interfaces are listed from sysfs and not by a library: what stands there the kernel has
// checked, and a device whose descriptors make no sense hides itself and nothing else. (gousb is
// brought down by some such descriptors; see oddNumbers.)

// list returns the interfaces of a class.
func (b *Bus) list(ctx context.Context, class string) ([]devices.Info, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list usb devices: %w", ended(ctx))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	entries, err := plugged()
	if err != nil {
		return nil, fmt.Errorf("list usb devices: %w", err)
	}
	maps.DeleteFunc(b.told, func(_ string, l *labels) bool { return !l.port.present() })
	var infos []devices.Info
	for _, entry := range entries {
		if attribute(entry.Name(), "bInterfaceClass") != class {
			continue
		}
		if info, ok := b.describe(ctx, entry.Name()); ok {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(x, y devices.Info) int { return strings.Compare(x.Path, y.Path) })
	return infos, nil
}

// plugged is what the kernel has on its buses, devices and interfaces.
func plugged() ([]os.DirEntry, error) {
	_, err := os.Stat(devNodes)
	entries, err2 := os.ReadDir(sysDevices)
	if errors.Join(err, err2) != nil {
		return nil, fmt.Errorf("no usb bus on this machine: %w", devices.ErrUnsupported)
	}
	return entries, nil
}

// describe says what is known of an interface; false is one on its way in or out.
func (b *Bus) describe(ctx context.Context, path string) (devices.Info, bool) {
	name, ok := parseName(path)
	if !ok {
		return devices.Info{}, false
	}
	p, err := portOf(path, name.device)
	vendor, err1 := hexAttribute(name.device, "idVendor")
	product, err2 := hexAttribute(name.device, "idProduct")
	release, err3 := hexAttribute(name.device, "bcdDevice")
	if errors.Join(err, err1, err2, err3) != nil {
		return devices.Info{}, false
	}
	l := b.labels(ctx, p)
	if l == nil {
		return devices.Info{}, false
	}
	return devices.Info{Path: path, ID: plugID(path, p.bus, p.address),
		Vendor: vendor, Product: product, Release: release, Interface: name.number,
		Manufacturer: l.manufacturer, Name: l.name, Serial: l.serial}, true
}

// labels are what a device calls itself. The kernel gives them out only when it is done with the
// device, and a device can keep it waiting for a long time: nobody else has to wait for that.
type labels struct {
	port                       port
	read                       chan struct{}
	manufacturer, name, serial string
}

// labelTime is how long a listing waits for the labels of a device that is new.
const labelTime = 100 * time.Millisecond

// labels returns those of a device, or nil while the kernel is still busy with it. The lock is held.
func (b *Bus) labels(ctx context.Context, p port) *labels {
	id := plugID(p.device, p.bus, p.address)
	l, known := b.told[id]
	if !known {
		l = &labels{port: p, read: make(chan struct{})}
		b.told[id] = l
		go l.ask()
		ctx, cancel := context.WithTimeout(ctx, labelTime)
		defer cancel()
		select {
		case <-l.read:
		case <-ctx.Done():
		}
	}
	select {
	case <-l.read:
		return l
	default:
		return nil
	}
}

// ask reads the labels. It ends when the kernel is done with the device, or has given it up.
func (l *labels) ask() {
	defer close(l.read)
	for attr, label := range map[string]*string{
		"manufacturer": &l.manufacturer, "product": &l.name, "serial": &l.serial,
	} {
		*label = devices.Label(attribute(l.port.device, attr))
	}
}
