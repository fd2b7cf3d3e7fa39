package oath

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Expected is Codes for where the seed must be gone afterwards: at a desk it lives no longer than
// the write takes. The library leaves the seed behind as text and decoded, once for every code, and
// crypto/hmac its padded key; memory looked at during the touch had all of it. Here every block the
// seed was in is wiped, and so is what the digits were made in.
func Expected(seed secret.Seed, counter uint64, n, digits int) ([]secret.OTP, error) {
	if digits < 6 || digits > 8 {
		return nil, fmt.Errorf("an OTP has 6 to 8 digits, not %d", digits)
	}
	if seed.Len() < 16 || seed.Len() > sha1.BlockSize {
		return nil, fmt.Errorf("a seed has 16 to %d bytes here (RFC 4226 section 4, R6), not %d",
			sha1.BlockSize, seed.Len())
	}
	raw := seed.Expose()
	defer clear(raw)
	codes := make([]secret.OTP, n)
	for i := range codes {
		codes[i] = expected(raw, counter+uint64(i), digits)
	}
	return codes, nil
}

// expected is one code: HMAC-SHA-1 (RFC 2104 section 2, for a key no longer than a block), then
// dynamic truncation (RFC 4226 section 5.3).
func expected(key []byte, counter uint64, digits int) secret.OTP {
	var inner [sha1.BlockSize + 8]byte
	var outer [sha1.BlockSize + sha1.Size]byte
	defer clear(inner[:])
	defer clear(outer[:])
	for i := range sha1.BlockSize {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range key {
		inner[i] ^= b
		outer[i] ^= b
	}
	binary.BigEndian.PutUint64(inner[sha1.BlockSize:], counter)
	sum := sha1.Sum(inner[:])
	copy(outer[sha1.BlockSize:], sum[:])
	sum = sha1.Sum(outer[:])
	defer clear(sum[:])
	code := binary.BigEndian.Uint32(sum[sum[sha1.Size-1]&0xf:]) & math.MaxInt32
	var text [8]byte
	defer clear(text[:])
	for i := range digits {
		text[digits-1-i] = byte('0' + code%10)
		code /= 10
	}
	return secret.NewOTPDigits(text[:digits])
}
