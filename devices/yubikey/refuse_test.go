package yubikey

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// act is one call of a driver.
type act func(context.Context, *Token) error

func programWith(change func(*provisioning.SlotConfig)) act {
	c := hotpConfig(1)
	change(&c)
	return func(ctx context.Context, t *Token) error { return t.Program(ctx, c) }
}

func programCodes(current, next secret.AccessCode) act {
	return programWith(func(c *provisioning.SlotConfig) { c.Current, c.New = current, next })
}

func update(s Settings) act {
	return func(ctx context.Context, t *Token) error { return t.Update(ctx, s) }
}

func eraseWith(slot int, current secret.AccessCode) act {
	return func(ctx context.Context, t *Token) error { return t.Erase(ctx, slot, current) }
}

func TestRefusedBeforeAnythingIsSent(t *testing.T) {
	code, other := accessCode(t, 1, 2, 3, 4, 5, 6), accessCode(t, 1, 2, 3, 4, 5, 7)
	zeros, short := accessCode(t, 0, 0, 0, 0, 0, 0), accessCode(t, 1, 2, 3)
	var none secret.AccessCode
	shortSeed := programWith(func(c *provisioning.SlotConfig) {
		c.Seed = secret.NewSeed(make([]byte, 16))
	})
	for name, c := range map[string]struct {
		fw [3]byte
		do act
	}{
		"no HOTP counter":       {[3]byte{2, 1, 9}, program},
		"no HOTP, erase":        {[3]byte{2, 1, 9}, erase},
		"no update":             {[3]byte{2, 2, 9}, update(Settings{Slot: 1})},
		"code bug begins":       {[3]byte{4, 3, 2}, programCodes(code, other)},
		"code bug ends":         {[3]byte{4, 3, 5}, programCodes(code, other)},
		"code bug, update":      {[3]byte{4, 3, 5}, update(Settings{Slot: 1, New: code})},
		"slot 3":                {fw5, programWith(func(c *provisioning.SlotConfig) { c.Slot = 3 })},
		"7 digits":              {fw5, programWith(func(c *provisioning.SlotConfig) { c.Digits = 7 })},
		"short seed":            {fw5, shortSeed},
		"short code":            {fw5, programCodes(none, short)},
		"code of zeros":         {fw5, programCodes(none, zeros)},
		"current code of zeros": {fw5, eraseWith(1, zeros)},
		"erase slot 0":          {fw5, eraseWith(0, none)},
		"update slot 0":         {fw5, update(Settings{})},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlotState(c.fw, [2]byte{7, 1}, [2]byte{8, 1})
			err := c.do(t.Context(), New(s, devices.Info{}))
			if got := is(err); got != "untouched " || len(s.parts()) != 0 {
				t.Errorf("%s: %q (%v) after %d parts", name, got, err, len(s.parts()))
			}
		})
	}
}

// Just outside the range that loses codes, and inside it with one code throughout, all is allowed.
func TestFirmwareThatKeepsCodes(t *testing.T) {
	code, other := accessCode(t, 1, 2, 3, 4, 5, 6), accessCode(t, 1, 2, 3, 4, 5, 7)
	for name, c := range map[string]struct {
		fw [3]byte
		do act
	}{
		"before":     {[3]byte{4, 3, 1}, programCodes(code, other)},
		"after":      {[3]byte{4, 3, 6}, programCodes(code, other)},
		"same code":  {[3]byte{4, 3, 3}, programCodes(code, code)},
		"first code": {[3]byte{4, 3, 3}, programCodes(secret.AccessCode{}, code)},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlotState(c.fw, [2]byte{7, 1}, [2]byte{8, 1})
			if err := c.do(t.Context(), New(s, devices.Info{})); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
