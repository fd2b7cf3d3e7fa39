//go:build linux && cgo && !nousb

package usb

import (
	"errors"
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
	device, _, ok := strings.Cut(info.Path, ":")
	if !ok || strings.ContainsRune(device, '/') {
		return port{}, devices.ErrUnsupported
	}
	p := port{iface: info.Path, device: device}
	var err1, err2 error
	p.bus, err1 = strconv.Atoi(attribute(device, "busnum"))
	p.address, err2 = strconv.Atoi(attribute(device, "devnum"))
	if errors.Join(err1, err2) != nil || !sameDevice(device, info) {
		return port{}, devices.ErrUnplugged
	}
	if strings.Contains(info.ID, "@") && info.ID != plugID(p.iface, p.bus, p.address) {
		return port{}, devices.ErrUnplugged // replugged since it was listed
	}
	return p, nil
}

// sameDevice compares the USB ids, so that a path that now leads to something else is not opened.
func sameDevice(device string, info devices.Info) bool {
	vendor, err1 := strconv.ParseUint(attribute(device, "idVendor"), 16, 16)
	product, err2 := strconv.ParseUint(attribute(device, "idProduct"), 16, 16)
	return errors.Join(err1, err2) == nil &&
		uint16(vendor) == info.Vendor && uint16(product) == info.Product
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
