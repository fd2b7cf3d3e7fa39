package oath

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Search returns the index of typed among the n one-time passwords from counter on. It is Find over
// Codes for long windows: the library decodes the secret anew for every code and leaves a copy
// behind each time, where this keys one HMAC (RFC 4226 section 5.3). It looks at the whole window
// whatever it finds.
func Search(seed secret.Seed, counter uint64, n, digits int, typed secret.OTP) (int, bool, error) {
	if digits < 6 || digits > 8 {
		return 0, false, fmt.Errorf("an OTP has 6 to 8 digits, not %d", digits)
	}
	raw := seed.Expose()
	defer clear(raw)
	mac := hmac.New(sha1.New, raw)
	want := value(typed, digits)
	modulus := [...]uint32{6: 1e6, 7: 1e7, 8: 1e8}[digits]
	var message [8]byte
	var sum [sha1.Size]byte
	at := -1
	for i := n - 1; i >= 0; i-- {
		binary.BigEndian.PutUint64(message[:], counter+uint64(i))
		mac.Reset()
		mac.Write(message[:])
		digest := mac.Sum(sum[:0])
		offset := digest[sha1.Size-1] & 0xf
		code := binary.BigEndian.Uint32(digest[offset:]) & math.MaxInt32 % modulus
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeEq(int32(code), want), i, at)
	}
	clear(sum[:])
	return max(at, 0), at >= 0, nil
}

// value reads typed digits. What has another length, or other characters, equals no code.
func value(typed secret.OTP, digits int) int32 {
	text := typed.Expose()
	defer clear(text)
	if len(text) != digits {
		return -1
	}
	var v int32
	for _, c := range text {
		if c < '0' || c > '9' {
			return -1
		}
		v = 10*v + int32(c-'0')
	}
	return v
}
