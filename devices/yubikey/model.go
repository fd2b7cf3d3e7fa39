package yubikey

import (
	"fmt"
	"slices"
)

// vendorID is Yubico's USB vendor id.
const vendorID = 0x1050

// interfaces are what a product id says is enabled on the USB side; a bit each.
type interfaces byte

const (
	hasOTP interfaces = 1 << iota
	hasFIDO
	hasCCID
)

// product is what a product id means (yubikit/core/__init__.py, PID).
type product struct {
	family string
	has    interfaces
}

// products by USB product id. From the 4 on, one id serves all form factors.
var products = map[uint16]product{
	0x0010: {"YubiKey", hasOTP},
	0x0110: {"YubiKey NEO", hasOTP},
	0x0111: {"YubiKey NEO", hasOTP | hasCCID},
	0x0112: {"YubiKey NEO", hasCCID},
	0x0113: {"YubiKey NEO", hasFIDO},
	0x0114: {"YubiKey NEO", hasOTP | hasFIDO},
	0x0115: {"YubiKey NEO", hasFIDO | hasCCID},
	0x0116: {"YubiKey NEO", hasOTP | hasFIDO | hasCCID},
	0x0120: {"Security Key", hasFIDO},
	0x0401: {"YubiKey", hasOTP},
	0x0402: {"YubiKey", hasFIDO},
	0x0403: {"YubiKey", hasOTP | hasFIDO},
	0x0404: {"YubiKey", hasCCID},
	0x0405: {"YubiKey", hasOTP | hasCCID},
	0x0406: {"YubiKey", hasFIDO | hasCCID},
	0x0407: {"YubiKey", hasOTP | hasFIDO | hasCCID},
	0x0410: {"YubiKey Plus", hasOTP | hasFIDO},
}

// name is what to call a product that was not asked yet.
func (p product) name() string {
	name := p.family
	for i, part := range []string{" OTP", "+FIDO", "+CCID"} {
		if p.has&(1<<i) != 0 {
			name += part
		}
	}
	return name
}

// formFactors of the device info (yubikit/management.py, FORM_FACTOR), without and with NFC.
var formFactors = map[byte][2]string{
	1: {"5A", "5 NFC"},
	2: {"5 Nano", "5 Nano"},
	3: {"5C", "5C NFC"},
	4: {"5C Nano", "5C Nano"},
	5: {"5Ci", "5Ci"},
}

// fipsBit in the form factor marks a FIPS model; the low bits are the form.
const (
	fipsBit  = 0x80
	formMask = 0x0f
)

// model names the token for people.
func model(fw firmware, pid uint16, about deviceInfo) string {
	if products[pid].family == "YubiKey Plus" || fw.major() < 4 {
		return oldModel(fw, pid)
	}
	form := byte(about.number(tagFormFactor))
	name := fmt.Sprintf("YubiKey %d", fw.major())
	if byNFC, ok := formFactors[form&formMask]; ok && fw.major() == 5 {
		name = "YubiKey " + byNFC[0]
		if about.number(tagNFC) != 0 {
			name = "YubiKey " + byNFC[1]
		}
	}
	if form&fipsBit != 0 {
		name += " FIPS"
	}
	return name
}

func oldModel(fw firmware, pid uint16) string {
	if family := products[pid].family; family != "" && family != "YubiKey" {
		return family
	}
	return fmt.Sprintf("YubiKey %d", fw.major())
}

// application is one bit of the enabled capabilities (yubikit/management.py, CAPABILITY).
type application struct {
	bit  uint32
	name string
}

var applications = []application{
	{0x200, "FIDO2"}, {0x02, "FIDO U2F"}, {0x20, "OATH"}, {0x10, "PIV"}, {0x08, "OpenPGP"},
	{0x100, "YubiHSM Auth"},
}

// others lists what else the token may hold. Before firmware 5 the capabilities are not to be
// trusted, and the product id says only which interfaces are on.
func others(fw firmware, pid uint16, about deviceInfo) []string {
	var names []string
	if enabled := about.number(tagEnabled); fw.major() >= 5 && enabled != 0 {
		for _, a := range applications {
			if enabled&a.bit != 0 {
				names = append(names, a.name)
			}
		}
		return names
	}
	has := products[pid].has
	if has&hasFIDO != 0 {
		names = append(names, "FIDO")
	}
	if has&hasCCID != 0 {
		names = append(names, "smart card")
	}
	return slices.Clip(names)
}
