package usb

import (
	"strconv"
	"strings"
)

// interfaceName is what the kernel calls an interface (Linux: drivers/usb/core/message.c,
// usb_set_configuration): "1-4.2:1.0" is interface 0 of configuration 1 of the device at "1-4.2".
type interfaceName struct {
	device                string
	configuration, number int
}

// parseName reads such a name, in the one way it is written.
func parseName(name string) (interfaceName, bool) {
	device, rest, _ := strings.Cut(name, ":")
	configuration, number, _ := strings.Cut(rest, ".")
	n := interfaceName{device: device}
	var ok1, ok2 bool
	n.configuration, ok1 = parseByte(configuration)
	n.number, ok2 = parseByte(number)
	return n, ok1 && ok2 && strings.Contains(device, "-") && !strings.ContainsAny(device, "/:")
}

// parseByte reads a decimal number of a byte, without zeros in front.
func parseByte(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 8)
	return int(n), err == nil && strconv.FormatUint(n, 10) == text
}
