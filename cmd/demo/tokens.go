package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// tokens of the drawer: two that can be lent, one as it comes from the factory, and one of a kind
// that cannot make OTPs.
var tokens = []struct {
	name string
	virtual.Options
}{
	{"YubiKey 5 NFC", virtual.Options{Serial: 17390101, Delivered: true}},
	{"YubiKey 5C NFC", virtual.Options{Serial: 17390102}},
	{"YubiKey 5 Nano, firmware 5.7", virtual.Options{Serial: 17390103,
		Firmware: virtual.Version{5, 7, 1}}},
	{"Security Key, FIDO only", virtual.Options{Serial: 17390104, Product: 0x0402}},
}

// makeTokens makes the virtual tokens, or finds them as they were left.
func makeTokens(state string) (*virtual.Bus, map[uint32]string, error) {
	dir := filepath.Join(state, "tokens")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	bus, names := virtual.NewBus(), map[uint32]string{}
	for _, t := range tokens {
		key, err := virtual.Open(filepath.Join(dir, fmt.Sprintf("%d.json", t.Serial)), t.Options)
		if err != nil {
			return nil, nil, err
		}
		if err := bus.Add(key); err != nil {
			return nil, nil, err
		}
		names[t.Serial] = t.name
	}
	return bus, names, nil
}
