//go:build linux && cgo && !nousb

package usb

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// How long the kernel may take to clear a device away after its transfers began to fail.
const clearAway = 500 * time.Millisecond

// port is one plugging of one device: where it is plugged and which number the bus gave it.
type port struct {
	iface        string // "1-1:1.0"
	device       string // "1-1"
	bus, address int
}

// findPort looks the plugging up that info names.
func findPort(info devices.Info) (port, error) {
	name, ok := parseName(info.Path)
	if !ok {
		return port{}, devices.ErrUnsupported
	}
	p, err := portOf(info.Path, name.device)
	if err != nil || !sameDevice(name.device, info) {
		return port{}, devices.ErrUnplugged
	}
	if strings.Contains(info.ID, "@") && info.ID != plugID(p.iface, p.bus, p.address) {
		return port{}, devices.ErrUnplugged // replugged since it was listed
	}
	return p, nil
}

// portOf is the plugging that is at an interface's place now.
func portOf(path, device string) (port, error) {
	p := port{iface: path, device: device}
	var err1, err2 error
	p.bus, err1 = strconv.Atoi(attribute(device, "busnum"))
	p.address, err2 = strconv.Atoi(attribute(device, "devnum"))
	return p, errors.Join(err1, err2)
}

// sameDevice compares the USB ids, so that a path that now leads to something else is not opened.
func sameDevice(device string, info devices.Info) bool {
	vendor, err1 := hexAttribute(device, "idVendor")
	product, err2 := hexAttribute(device, "idProduct")
	return errors.Join(err1, err2) == nil && vendor == info.Vendor && product == info.Product
}

// accessible says whether this process may open the node.
func (p port) accessible() error {
	const readWrite = 4 | 2 // R_OK|W_OK, access(2)
	err := syscall.Access(nodePath(p.bus, p.address), readWrite)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOENT) && !p.present():
		return devices.ErrUnplugged
	default:
		return devices.ErrPermission
	}
}

// held says whether a program has the interface, through the same door as we would.
func (p port) held() bool { return p.driver() == "usbfs" }

// driver is the kernel's driver of the interface, or "".
func (p port) driver() string {
	target, err := os.Readlink(filepath.Join(sysDevices, p.iface, "driver"))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

// present says whether the same plugging is still there.
func (p port) present() bool {
	return attribute(p.device, "devnum") == strconv.Itoa(p.address)
}

// gone is asked after a transfer failed. Transfers fail before the kernel has taken the device out
// of its tree, so it is given a moment.
func (p port) gone() bool {
	for end := time.Now().Add(clearAway); p.present(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
