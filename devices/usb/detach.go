//go:build linux && cgo && !nousb

package usb

import (
	"os"
	"syscall"
	"unsafe"
)

// detachRequest is struct usbdevfs_ioctl, which carries an ioctl for one interface.
type detachRequest struct {
	number int32
	code   int32
	data   unsafe.Pointer
}

// The ioctls (Linux: include/uapi/linux/usbdevice_fs.h): USBDEVFS_IOCTL, _IOWR('U', 18, ...), and in
// it USBDEVFS_DISCONNECT, _IO('U', 22).
const (
	usbdevfsIoctl      = 3<<30 | unsafe.Sizeof(detachRequest{})<<16 | 'U'<<8 | 18
	usbdevfsDisconnect = 'U'<<8 | 22
)

// detach takes a kernel driver off one interface, such as the one for NFC chips; the library can
// only do so for all of a device's interfaces at once. Who holds it through the same door as we
// would, pcscd for example, keeps it.
func (p port) detach(number int) error {
	if driver := p.driver(); driver == "" || driver == "usbfs" {
		return nil
	}
	node, err := os.OpenFile(nodePath(p.bus, p.address), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer node.Close()
	request := detachRequest{number: int32(number), code: usbdevfsDisconnect}
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, node.Fd(), usbdevfsIoctl,
		uintptr(unsafe.Pointer(&request)))
	if errno != 0 && errno != syscall.ENODATA { // nothing attached is as good as detached
		return errno
	}
	return nil
}
