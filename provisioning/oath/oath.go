// Package oath computes HOTP values (RFC 4226) over a window of counters and finds a typed one in
// it. The algorithm is pquerna/otp's; the window, which that library does not have, is ours.
//
// It refuses to know whose seed it is, to move a counter, and to count attempts.
package oath

import (
	"encoding/base32"
	"fmt"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Codes returns the n one-time passwords from counter on, each of the given number of digits (6 to
// 8; RFC 4226 section 5.3), computed with HMAC-SHA-1 as section 5.2 says.
func Codes(seed secret.Seed, counter uint64, n, digits int) ([]secret.OTP, error) {
	if digits < 6 || digits > 8 {
		return nil, fmt.Errorf("an OTP has 6 to 8 digits, not %d", digits)
	}
	if seed.Len() < 16 {
		return nil, fmt.Errorf("a seed has at least 16 bytes (RFC 4226 section 4, R6), not %d", seed.Len())
	}
	// The library takes the secret as base32 text; the copy it makes cannot be wiped.
	raw := seed.Expose()
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	clear(raw)
	opts := hotp.ValidateOpts{Digits: otp.Digits(digits), Algorithm: otp.AlgorithmSHA1}
	codes := make([]secret.OTP, n)
	for i := range codes {
		code, err := hotp.GenerateCodeCustom(text, counter+uint64(i), opts)
		if err != nil {
			return nil, fmt.Errorf("compute HOTP: %w", err)
		}
		codes[i] = secret.NewOTP(code)
	}
	return codes, nil
}

// Find returns the index of typed among codes. It looks at all of them whatever it finds, so that
// the time taken says nothing about the offset.
func Find(codes []secret.OTP, typed secret.OTP) (offset int, ok bool) {
	for i := len(codes) - 1; i >= 0; i-- {
		if codes[i].Equal(typed) {
			offset, ok = i, true
		}
	}
	return offset, ok
}

// FindPair returns the first index i where typed equals codes[i] and next equals codes[i+1]: the
// resynchronisation of RFC 4226 section 7.4.
func FindPair(codes []secret.OTP, typed, next secret.OTP) (offset int, ok bool) {
	for i := len(codes) - 2; i >= 0; i-- {
		first, second := codes[i].Equal(typed), codes[i+1].Equal(next)
		if first && second {
			offset, ok = i, true
		}
	}
	return offset, ok
}
