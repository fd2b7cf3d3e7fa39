// Package wedge reads card numbers from devices that type what they read, as if somebody sat at a
// keyboard (barcode scanners and stripe readers in "keyboard wedge" mode), and from the same devices
// in their HID modes, where they send reports.
//
// It takes a device away from everything else on the machine for as long as it runs: what a person's
// card says reaches no window, no console and no field that happens to have the focus. Of a scan it
// keeps the one field that the site names, and drops the rest at once.
//
// It refuses to know people and visits, has no logger, and keeps no scan once it is cut: a scan that
// is not as the site says is counted, by its reason, and forgotten.
//
// Sources: Linux Documentation/input/input.rst and include/uapi/linux/input.h (event nodes, EVIOCGRAB);
// ISO/IEC 7811-2 and 7813 (stripes); USB HID Point of Sale Usage Tables 1.02; MagTek 99875191 (the
// report of stripe readers).
package wedge
