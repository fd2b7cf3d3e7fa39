package devices_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
)

func TestNumberOfBytes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format devices.NumberFormat
		raw    string
		want   string
		err    error
	}{
		{"as it is", devices.NumberFormat{}, "04a1b2c3d4e580", "04A1B2C3D4E580", nil},
		{"reversed", devices.NumberFormat{Reverse: true}, "04a1b2c3", "C3B2A104", nil},
		{"decimal", devices.NumberFormat{Base: devices.BaseDecimal}, "0a0b0c0d", "168496141", nil},
		{"ten digits", devices.NumberFormat{Base: devices.BaseDecimal, Digits: 10}, "0a0b0c0d",
			"0168496141", nil},
		{"too many digits", devices.NumberFormat{Base: devices.BaseDecimal, Digits: 3}, "ffff", "",
			devices.ErrNumberShape},
		{"nothing", devices.NumberFormat{}, "", "", devices.ErrNumberEmpty},
		{"xor", devices.NumberFormat{Checksum: devices.ChecksumXOR}, "0102030400", "", devices.ErrNumberChecksum},
		{"right xor", devices.NumberFormat{Checksum: devices.ChecksumXOR}, "0102030404", "01020304", nil},
		{"xor of nothing", devices.NumberFormat{Checksum: devices.ChecksumXOR}, "00", "",
			devices.ErrNumberChecksum},
		// Facility 1 and card 1: the parities are 1 and 0.
		{"wiegand", devices.NumberFormat{Checksum: devices.ChecksumWiegand26,
			Base: devices.BaseDecimal, Digits: 8}, "02020002", "00065537", nil},
		{"wiegand, a bit turned", devices.NumberFormat{Checksum: devices.ChecksumWiegand26},
			"02020003", "", devices.ErrNumberChecksum},
		{"wiegand, too long", devices.NumberFormat{Checksum: devices.ChecksumWiegand26},
			"04020002", "", devices.ErrNumberShape},
		{"a prefix", devices.NumberFormat{Prefix: "04"}, "04a1b2", "A1B2", nil},
		{"another prefix", devices.NumberFormat{Prefix: "05"}, "04a1b2", "", devices.ErrNumberShape},
		{"a suffix and no more", devices.NumberFormat{Suffix: "04A1"}, "04a1", "",
			devices.ErrNumberEmpty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := hex.DecodeString(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tt.format.Format(raw)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestNumberOfText(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format devices.NumberFormat
		raw    string
		want   string
		err    error
	}{
		{"as it stands", devices.NumberFormat{}, "0412 7781", "04127781", nil},
		{"with dashes", devices.NumberFormat{}, "D-C-12", "DC12", nil},
		{"filled up", devices.NumberFormat{}, "04127781\x00\x00\xff", "04127781", nil},
		{"filled up with something else", devices.NumberFormat{}, "04127781\xfe", "",
			devices.ErrNumberCharacters},
		{"blank", devices.NumberFormat{}, " \r\n", "", devices.ErrNumberEmpty},
		{"binary", devices.NumberFormat{}, "04\x127781", "", devices.ErrNumberCharacters},
		{"markup", devices.NumberFormat{}, "<b>1", "", devices.ErrNumberCharacters},
		{"endless", devices.NumberFormat{}, strings.Repeat("1", 200), "", devices.ErrNumberShape},
		// A well-known number with its check digit.
		{"luhn", devices.NumberFormat{Checksum: devices.ChecksumLuhn}, "79927398713",
			"79927398713", nil},
		{"luhn, misread", devices.NumberFormat{Checksum: devices.ChecksumLuhn}, "79927398710", "",
			devices.ErrNumberChecksum},
		{"luhn of a letter", devices.NumberFormat{Checksum: devices.ChecksumLuhn}, "7992739871A", "",
			devices.ErrNumberChecksum},
		{"gs1", devices.NumberFormat{Checksum: devices.ChecksumMod10}, "4006381333931",
			"4006381333931", nil},
		{"prefix after the check", devices.NumberFormat{Checksum: devices.ChecksumLuhn,
			Prefix: "79", Suffix: "3"}, "79927398713", "92739871", nil},
		{"typed bytes", devices.NumberFormat{Hex: true, Reverse: true}, "04a1b2c3", "C3B2A104", nil},
		{"not bytes", devices.NumberFormat{Hex: true}, "04a1b2c", "", devices.ErrNumberCharacters},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.format.FormatText(tt.raw)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestNumberFormatCheck(t *testing.T) {
	for name, f := range map[string]devices.NumberFormat{
		"a base nobody knows":     {Base: "octal"},
		"a checksum nobody knows": {Checksum: "crc"},
		"digits of hex":           {Digits: 8},
		"a digit of hex bytes":    {Checksum: devices.ChecksumLuhn, Hex: true},
		"a prefix of signs":       {Prefix: ";"},
		"less than nothing":       {Base: devices.BaseDecimal, Digits: -1},
	} {
		if f.Check() == nil {
			t.Errorf("%s: no refusal", name)
		}
	}
	if err := (devices.NumberFormat{}).Check(); err != nil {
		t.Error(err)
	}
}

// FuzzNumberOfBytes: hexadecimal says exactly the bytes, from either end; decimal grows with them;
// whatever comes out is letters and digits.
func FuzzNumberOfBytes(f *testing.F) {
	f.Add([]byte{4, 0xa1, 0xb2, 0xc3})
	f.Add([]byte{0})
	f.Add([]byte{2, 2, 0, 2})
	f.Fuzz(func(t *testing.T, raw []byte) {
		kept := slices.Clone(raw)
		forward, err := devices.NumberFormat{}.Format(raw)
		if (err == nil) != (len(raw) > 0 && len(raw) <= 128) {
			t.Fatalf("%d bytes: %v", len(raw), err)
		}
		if err != nil {
			return
		}
		slices.Reverse(raw)
		backward, err := devices.NumberFormat{Reverse: true}.Format(raw)
		slices.Reverse(raw)
		if err != nil || forward != backward || !slices.Equal(raw, kept) {
			t.Errorf("%q forward, %q of the reversed reversed (%v)", forward, backward, err)
		}
		if again, err := hex.DecodeString(forward); err != nil || !slices.Equal(again, raw) {
			t.Errorf("%q does not say % x", forward, raw)
		}
		sum := byte(0)
		for _, b := range raw {
			sum ^= b
		}
		checked := devices.NumberFormat{Checksum: devices.ChecksumXOR}
		if got, err := checked.Format(append(slices.Clone(raw), sum)); len(raw) < 128 &&
			(err != nil || got != forward) {
			t.Errorf("with its checksum: %q, %v", got, err)
		}
		if _, err := checked.Format(append(slices.Clone(raw), sum^1)); err == nil {
			t.Error("a wrong checksum was taken")
		}
	})
}

// FuzzNumberOfText: what comes out is letters and digits and goes in again unchanged; a number
// with a check digit has exactly one.
func FuzzNumberOfText(f *testing.F) {
	f.Add("0412 7781")
	f.Add("79927398713")
	f.Add(";0412=\x00")
	f.Fuzz(func(t *testing.T, raw string) {
		number, err := devices.NumberFormat{}.FormatText(raw)
		if err != nil {
			return
		}
		if strings.Trim(number, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q", number)
		}
		if again, err := (devices.NumberFormat{}).FormatText(number); err != nil || again != number {
			t.Errorf("%q became %q (%v)", number, again, err)
		}
		if strings.Trim(number, "0123456789") != "" || len(number) >= 128 {
			return
		}
		for _, checksum := range []devices.Checksum{devices.ChecksumLuhn, devices.ChecksumMod10} {
			right := 0
			for digit := range 10 {
				whole := number + string(rune('0'+digit))
				if _, err := (devices.NumberFormat{Checksum: checksum}).FormatText(whole); err == nil {
					right++
				}
			}
			if right != 1 {
				t.Errorf("%s: %d check digits", checksum, right)
			}
		}
	})
}
