// Package usb is the machine's own USB bus: it is listed from sysfs, karalabe/hid opens a token and
// gousb a card reader. It holds the only cgo in the tree, and is a stub that answers
// devices.ErrUnsupported where cgo is off, on other systems, and under the build tag nousb.
//
// It refuses to know what a device is for, and keeps no record of what passes through: there is no
// logger here.
//
// Both libraries share one libusb, the copy that karalabe/hid compiles in. The script pkg-config
// beside this file tells gousb where that copy's headers are, so that neither libusb-dev nor
// pkg-config has to be installed; build with PKG_CONFIG set to its absolute path.
package usb
