package devices

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Why a number that was read is no card number. None of these carries the number.
var (
	// ErrNumberEmpty: nothing was left to be a number.
	ErrNumberEmpty = errors.New("the card gave no number")
	// ErrNumberCharacters: something else than letters and digits was read.
	ErrNumberCharacters = errors.New("the number has characters that no card number has")
	// ErrNumberShape: it does not begin, end or measure as the site says its numbers do.
	ErrNumberShape = errors.New("the number does not look like the numbers of this site")
	// ErrNumberChecksum: its check digit or parity is wrong, so it was read wrongly.
	ErrNumberChecksum = errors.New("the check digit does not match")
)

// NumberBase is how bytes become a number that can be compared with the directory's.
type NumberBase string

// The bases. The zero value is hexadecimal.
const (
	// BaseHex writes two capital digits a byte, in order.
	BaseHex NumberBase = "hex"
	// BaseDecimal takes the bytes for one big-endian number.
	BaseDecimal NumberBase = "decimal"
)

// Checksum is how a number proves that it was read correctly.
type Checksum string

// The checksums. The zero value is none.
const (
	// ChecksumLuhn: the last digit is the check digit of ISO/IEC 7812-1 annex B. It stays.
	ChecksumLuhn Checksum = "luhn"
	// ChecksumMod10: the last digit is the check digit of GS1 (weights 3 and 1). It stays.
	ChecksumMod10 Checksum = "mod10"
	// ChecksumXOR: the last byte is the exclusive or of those before it. It is taken away.
	ChecksumXOR Checksum = "xor"
	// ChecksumWiegand26: 26 bits, the first an even parity over the upper half, the last an odd
	// parity over the lower one. Both are taken away, and three bytes remain.
	ChecksumWiegand26 Checksum = "wiegand26"
)

// maxNumber bounds what is taken for a number: the longest a reader gives is one track of a stripe.
const maxNumber = 128

// NumberFormat says how what a reader reads becomes the card number that the directory knows. Its
// zero value takes bytes as capital hexadecimal digits and text as it stands.
//
// Every number that comes out is of letters and digits only.
type NumberFormat struct {
	// Hex says that a reader's text is bytes in hexadecimal digits, to be treated as bytes.
	Hex bool `toml:"hex"`
	// Reverse takes the bytes from the last to the first: some readers give the lowest first.
	Reverse bool `toml:"reverse"`
	// Base is how bytes are written. Digits fills a decimal number up with zeros from the left;
	// one that is longer is refused.
	Base   NumberBase `toml:"base"`
	Digits int        `toml:"digits"`
	// Checksum is checked before anything is taken away by Prefix and Suffix.
	Checksum Checksum `toml:"checksum"`
	// Prefix and Suffix are taken away. A number without them is none of this site's.
	Prefix string `toml:"prefix"`
	Suffix string `toml:"suffix"`
}

// Check refuses settings that contradict each other or that nobody knows.
func (f NumberFormat) Check() error {
	switch {
	case !slices.Contains([]NumberBase{"", BaseHex, BaseDecimal}, f.Base):
		return fmt.Errorf("number format: no base %q: it is hex or decimal", f.Base)
	case !slices.Contains([]Checksum{"", ChecksumLuhn, ChecksumMod10, ChecksumXOR,
		ChecksumWiegand26}, f.Checksum):
		return fmt.Errorf("number format: no checksum %q: it is luhn, mod10, xor or wiegand26",
			f.Checksum)
	case f.Digits < 0 || f.Digits > maxNumber:
		return fmt.Errorf("number format: digits is from 0 to %d", maxNumber)
	case f.Digits > 0 && f.Base != BaseDecimal:
		return errors.New(`number format: digits needs base = "decimal"`)
	case f.ofDigits() && f.Base != BaseDecimal && f.Hex:
		return fmt.Errorf("number format: a %s digit needs base = \"decimal\"", f.Checksum)
	case !plain(f.Prefix) || !plain(f.Suffix):
		return errors.New("number format: prefix and suffix are letters and digits")
	}
	return nil
}

// Format makes a card number of bytes: a UID, or what a file on the card holds in binary.
func (f NumberFormat) Format(raw []byte) (string, error) {
	if len(raw) == 0 {
		return "", fmt.Errorf("format number: %w", ErrNumberEmpty)
	}
	if len(raw) > maxNumber {
		return "", fmt.Errorf("format number: %w", ErrNumberShape)
	}
	raw = slices.Clone(raw)
	if f.Reverse {
		slices.Reverse(raw)
	}
	raw, err := f.bytesChecked(raw)
	if err != nil {
		return "", fmt.Errorf("format number: %w", err)
	}
	number, err := f.write(raw)
	if err == nil {
		number, err = f.trimmed(number)
	}
	if err != nil {
		return "", fmt.Errorf("format number: %w", err)
	}
	return number, nil
}

// FormatText makes a card number of what was printed, typed by a reader or kept in a file as text.
// The blanks and dashes that people group digits with are taken out, and so is the filling of a
// file behind its text (00 or FF).
func (f NumberFormat) FormatText(raw string) (string, error) {
	text := raw
	for text != "" && strings.IndexByte(filling, text[len(text)-1]) >= 0 {
		text = text[:len(text)-1]
	}
	text = strings.NewReplacer(" ", "", "-", "").Replace(text)
	switch {
	case text == "":
		return "", fmt.Errorf("format number: %w", ErrNumberEmpty)
	case len(text) > maxNumber:
		return "", fmt.Errorf("format number: %w", ErrNumberShape)
	case !plain(text):
		return "", fmt.Errorf("format number: %w", ErrNumberCharacters)
	}
	if f.Hex {
		bytes, err := hex.DecodeString(text)
		if err != nil {
			return "", fmt.Errorf("format number: %w", ErrNumberCharacters)
		}
		return f.Format(bytes)
	}
	number, err := f.trimmed(text)
	if err != nil {
		return "", fmt.Errorf("format number: %w", err)
	}
	return number, nil
}

// filling is what may stand behind a text; byte by byte, for not all of it is UTF-8.
const filling = "\x00\xff \r\n"

// ofDigits says that the checksum is one of a number's digits, and not of its bytes.
func (f NumberFormat) ofDigits() bool {
	return f.Checksum == ChecksumLuhn || f.Checksum == ChecksumMod10
}

// write is the base.
func (f NumberFormat) write(raw []byte) (string, error) {
	if f.Base != BaseDecimal {
		return strings.ToUpper(hex.EncodeToString(raw)), nil
	}
	digits := new(big.Int).SetBytes(raw).String()
	if f.Digits > 0 && len(digits) > f.Digits {
		return "", ErrNumberShape
	}
	return strings.Repeat("0", max(0, f.Digits-len(digits))) + digits, nil
}

// trimmed checks the digits and takes prefix and suffix away.
func (f NumberFormat) trimmed(number string) (string, error) {
	if f.ofDigits() && !digitsCheck(number, f.Checksum) {
		return "", ErrNumberChecksum
	}
	number, begins := strings.CutPrefix(number, f.Prefix)
	number, ends := strings.CutSuffix(number, f.Suffix)
	switch {
	case !begins || !ends:
		return "", ErrNumberShape
	case number == "":
		return "", ErrNumberEmpty
	}
	return number, nil
}

// bytesChecked checks a checksum over bytes and takes it away.
func (f NumberFormat) bytesChecked(raw []byte) ([]byte, error) {
	switch f.Checksum {
	case ChecksumXOR:
		last := len(raw) - 1
		var sum byte
		for _, b := range raw[:last] {
			sum ^= b
		}
		if last == 0 || sum != raw[last] {
			return nil, ErrNumberChecksum
		}
		return raw[:last], nil
	case ChecksumWiegand26:
		return wiegand26(raw)
	}
	return raw, nil
}

// wiegand26 takes the 24 bits between the two parities out of 26 bits, which stand right-aligned
// in four bytes (SIA AC-01).
func wiegand26(raw []byte) ([]byte, error) {
	if len(raw) != 4 || raw[0] > 3 {
		return nil, ErrNumberShape
	}
	bits := uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
	upper, lower := 0, 0
	for i := range 13 {
		lower += int(bits >> i & 1)
		upper += int(bits >> (13 + i) & 1)
	}
	if upper%2 != 0 || lower%2 != 1 {
		return nil, ErrNumberChecksum
	}
	number := bits >> 1 & 0xFFFFFF
	return []byte{byte(number >> 16), byte(number >> 8), byte(number)}, nil
}

// digitsCheck says whether the last digit follows from those before it.
func digitsCheck(number string, by Checksum) bool {
	if len(number) < 2 || strings.Trim(number, "0123456789") != "" {
		return false
	}
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0') // from the check digit on, to the left
		if i%2 == 1 {
			digit = weigh(digit, by)
		}
		sum += digit
	}
	return sum%10 == 0
}

// weigh is what every second digit counts.
func weigh(digit int, by Checksum) int {
	if by == ChecksumMod10 {
		return 3 * digit
	}
	if digit *= 2; digit > 9 {
		digit -= 9
	}
	return digit
}

// plain says that text is of letters and digits.
func plain(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
