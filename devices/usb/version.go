//go:build linux && cgo && !nousb

package usb

// The declaration is libusb's own (libusb.h, libusb_get_version); the symbol is linked from the
// copy that karalabe/hid compiles in.

// struct usb_library_version {
// 	unsigned short major, minor, micro, nano;
// 	const char *rc, *describe;
// };
// extern const struct usb_library_version *libusb_get_version(void);
import "C"

import "fmt"

// LibraryVersion is the version of the libusb that is really linked, for example "1.0.27".
func LibraryVersion() string {
	v := C.libusb_get_version()
	return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.micro)
}
