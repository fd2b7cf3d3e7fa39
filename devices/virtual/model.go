package virtual

// Vendor is Yubico's USB vendor id.
const Vendor = 0x1050

// A model is what a product id says: which interfaces are enabled (YubiKit: PID).
type model struct {
	name            string
	otp, fido, ccid bool
}

// models lists the product ids a virtual key can have.
var models = map[uint16]model{
	0x0010: {name: "Yubikey", otp: true},
	0x0110: {name: "Yubikey NEO OTP", otp: true},
	0x0114: {name: "Yubikey NEO OTP+U2F", otp: true, fido: true},
	0x0116: {name: "Yubikey NEO OTP+U2F+CCID", otp: true, fido: true, ccid: true},
	0x0120: {name: "Security Key by Yubico", fido: true},
	0x0401: {name: "YubiKey OTP", otp: true},
	0x0402: {name: "YubiKey FIDO", fido: true},
	0x0403: {name: "YubiKey OTP+FIDO", otp: true, fido: true},
	0x0404: {name: "YubiKey CCID", ccid: true},
	0x0405: {name: "YubiKey OTP+CCID", otp: true, ccid: true},
	0x0406: {name: "YubiKey FIDO+CCID", fido: true, ccid: true},
	0x0407: {name: "YubiKey OTP+FIDO+CCID", otp: true, fido: true, ccid: true},
}

// hidInterfaces counts the HID interfaces: the keyboard first, then FIDO.
func (m model) hidInterfaces() int {
	n := 0
	if m.otp {
		n++
	}
	if m.fido {
		n++
	}
	return n
}
