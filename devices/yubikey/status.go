package yubikey

import (
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning"
)

// firmware is a version as one number: major, minor and patch in a byte each.
type firmware uint32

// The versions where something this driver relies on begins, or is broken (ykpersonalize(1);
// yubikit/yubiotp.py).
const (
	firmwareSlotBits firmware = 0x020100 // the status says which slots are configured
	firmwareHOTP     firmware = 0x020200 // HOTP with a counter, and the serial by the API
	firmwareUpdate   firmware = 0x020300 // update of flags
	firmwareTouch    firmware = 0x030000 // the status says which slots need a touch
	firmwareInfo     firmware = 0x040100 // device info
	firmwareBadCode  firmware = 0x040302 // replacing an access code silently fails from here ...
	firmwareGoodCode firmware = 0x040306 // ... to before here
)

// String is the version as people write it.
func (f firmware) String() string {
	return fmt.Sprintf("%d.%d.%d", f.major(), byte(f>>8), byte(f))
}

func (f firmware) major() byte { return byte(f >> 16) }

// status is what the token says of itself in a feature report without flags (ykdef.h, struct
// status_st): firmware, programming sequence, touch level. Only the low byte of the touch level
// means something; the high byte is a raw sensor value.
type status struct {
	firmware firmware
	sequence byte
	touch    byte
}

func parseStatus(report [reportSize]byte) status {
	return status{
		firmware: firmware(report[1])<<16 | firmware(report[2])<<8 | firmware(report[3]),
		sequence: report[4],
		touch:    report[5],
	}
}

// valid are the two bits that say which slots are configured.
func (s status) valid() byte {
	if s.firmware < firmwareSlotBits {
		return 0
	}
	return s.touch & 3
}

func (s status) configured(slot int) bool { return s.valid()&(1<<(slot-1)) != 0 }

func (s status) needsTouch(slot int) bool {
	return s.firmware >= firmwareTouch && s.touch&(4<<(slot-1)) != 0
}

func (s status) slots() []provisioning.SlotInfo {
	slots := make([]provisioning.SlotInfo, 2)
	for i := range slots {
		n := i + 1
		slots[i] = provisioning.SlotInfo{
			Number: n, Configured: s.configured(n), NeedsTouch: s.needsTouch(n),
		}
	}
	return slots
}

// verdict is what the status after a write says of it.
type verdict int

const (
	refused verdict = iota
	accepted
	unclear
)

// judge compares the status before a write and after it (yubikit/core/otp.py,
// _is_sequence_updated). The sequence is one byte and wraps. Erasing the last slot sets it to zero,
// and there is nothing to move where it was zero with no slot configured.
func judge(before, after status, erasing bool) verdict {
	switch {
	case after.sequence == before.sequence+1:
		return accepted
	case erasing && after.sequence == 0 && after.valid() == 0:
		return accepted
	case after.sequence == before.sequence && after.valid() == before.valid():
		return refused
	}
	return unclear
}
