package yubikey

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Tags of the device info (yubikit/management.py, TAG_*).
const (
	tagSerial     = 0x02
	tagEnabled    = 0x03
	tagFormFactor = 0x04
	tagNFC        = 0x0d
)

// serialSize is the length of a serial number, a big-endian integer.
const serialSize = 4

// Identify asks the token who it is. Nothing it asks needs a touch or changes anything.
func (t *Token) Identify(ctx context.Context) (provisioning.TokenInfo, error) {
	st, err := t.wire.begin(ctx)
	if err != nil {
		return provisioning.TokenInfo{}, fmt.Errorf("identify token: %w", mapped(err))
	}
	about, err := t.deviceInfo(ctx, st.firmware)
	if err != nil {
		return provisioning.TokenInfo{}, fmt.Errorf("read device info: %w", mapped(err))
	}
	serial, err := t.serial(ctx, about)
	if err != nil {
		return provisioning.TokenInfo{}, fmt.Errorf("read serial: %w", mapped(err))
	}
	return provisioning.TokenInfo{
		Vendor:   vendor,
		Model:    model(st.firmware, t.info.Product, about),
		Serial:   serial,
		Firmware: st.firmware.String(),
		Slots:    st.slots(),
		Digits:   digitsOf(st.firmware),
		Others:   others(st.firmware, t.info.Product, about),
	}, nil
}

func digitsOf(fw firmware) []int {
	if fw < firmwareHOTP {
		return nil
	}
	return []int{6, 8}
}

// serial is the one in the device info or, where there is none, the answer to the older command,
// which a slot's SERIAL_API_VISIBLE flag opens. A token that tells neither has no readable serial.
func (t *Token) serial(ctx context.Context, about deviceInfo) (string, error) {
	data := about[tagSerial]
	if len(data) != serialSize {
		var err error
		data, err = t.wire.ask(ctx, cmdSerial)
		if err == nil {
			data, err = checked(data, serialSize)
		}
		if errors.Is(err, errNoData) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
	number := binary.BigEndian.Uint32(data)
	if number == 0 {
		return "", nil
	}
	return strconv.FormatUint(uint64(number), 10), nil
}

// deviceInfo asks for the first page of the device info. Nothing depends on it but
// names: firmware that has none, and a token that tells nonsense, give an empty one.
func (t *Token) deviceInfo(ctx context.Context, fw firmware) (deviceInfo, error) {
	if fw < firmwareInfo {
		return nil, nil
	}
	data, err := t.wire.ask(ctx, cmdInfo)
	if err == nil && len(data) > 0 {
		data, err = checked(data, 1+int(data[0]))
	}
	switch {
	case errors.Is(err, errNoData), errors.Is(err, errGarbled):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parseDeviceInfo(data), nil
}

// deviceInfo maps a tag to its value.
type deviceInfo map[byte][]byte

// parseDeviceInfo reads a length byte and then tag, length and value, as often as they fit. What is
// cut short is left out.
func parseDeviceInfo(page []byte) deviceInfo {
	about := deviceInfo{}
	if len(page) == 0 {
		return about
	}
	rest := page[1:min(len(page), 1+int(page[0]))]
	for len(rest) >= 2 && len(rest) >= 2+int(rest[1]) {
		about[rest[0]] = rest[2 : 2+int(rest[1])]
		rest = rest[2+int(rest[1]):]
	}
	return about
}

// number reads a value as a big-endian integer; a missing one is zero.
func (d deviceInfo) number(tag byte) (n uint32) {
	for _, b := range d[tag] {
		n = n<<8 | uint32(b)
	}
	return n
}
