// Package usbtest is the kernel rig: it boots Debian's own kernel in qemu's software emulation,
// with the USB modules and a virtual host controller, shows it this machine's root read-only, and
// runs one program there. So a test meets a real USB stack on a machine that has none, without
// privileges and without changing the machine.
//
// It refuses to know what the program tests. Only tests import it.
package usbtest
