package usb

// Descriptor types (USB 2.0 table 9-5, CCID 1.1 section 5.1).
const (
	descConfiguration = 0x02
	descInterface     = 0x04
	descCCID          = 0x21
	descVendor        = 0xFF
)

// ccidDescriptorSize is the length of a reader's class descriptor.
const ccidDescriptorSize = 54

// classDescriptor finds the class descriptor of a reader's interface in what the kernel keeps of a
// device: its device descriptor and then all of its configurations. Some readers put it behind their
// endpoints, some older ones give it a type of the vendor's. Nil means that there is none.
func classDescriptor(raw []byte, configuration, number int) []byte {
	inConfiguration, inInterface := false, false
	for len(raw) >= 2 && int(raw[0]) >= 2 && int(raw[0]) <= len(raw) {
		d := raw[:raw[0]]
		switch {
		case d[1] == descConfiguration && len(d) >= 6:
			inConfiguration, inInterface = int(d[5]) == configuration, false
		case d[1] == descInterface && len(d) >= 4:
			inInterface = inConfiguration && int(d[2]) == number && d[3] == 0
		case inInterface && len(d) == ccidDescriptorSize && (d[1] == descCCID || d[1] == descVendor):
			return d
		}
		raw = raw[len(d):]
	}
	return nil
}

// oddNumbers says whether a device has the same setting of an interface twice, and another interface
// in between. gousb, which takes the second for an interface of its own and finds nothing in it,
// panics at that (libusb.go, getDeviceDesc).
func oddNumbers(raw []byte) bool {
	type setting struct{ number, alternate byte }
	seen, last := map[setting]bool{}, -1
	for len(raw) >= 2 && int(raw[0]) >= 2 && int(raw[0]) <= len(raw) {
		d := raw[:raw[0]]
		switch {
		case d[1] == descConfiguration:
			seen, last = map[setting]bool{}, -1
		case d[1] == descInterface && len(d) >= 4:
			s := setting{d[2], d[3]}
			if seen[s] && int(s.number) != last {
				return true
			}
			seen[s], last = true, int(s.number)
		}
		raw = raw[len(d):]
	}
	return false
}
