package yubikey

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// siteSecretSize is the least a site secret may have.
const siteSecretSize = 32

// AccessCode derives the code that guards the slots of one token from the site secret of one
// generation, by HKDF with SHA-256 (RFC 5869): every desk of the site finds the same one. It is the
// same for both slots. Generation 0 means "no code" and has none.
func AccessCode(site secret.Key, generation int, serial string) (secret.AccessCode, error) {
	if site.Len() < siteSecretSize {
		return secret.AccessCode{},
			fmt.Errorf("derive access code: a site secret has at least %d bytes", siteSecretSize)
	}
	if generation < 1 || serial == "" {
		return secret.AccessCode{},
			errors.New("derive access code: it needs a generation from 1 on, and a serial")
	}
	root := site.Expose()
	defer clear(root)
	return firstSound(func(attempt int) ([]byte, error) {
		info := fmt.Sprintf("tokendesk access code\x00%s\x00%s\x00%d\x00%d",
			vendor, serial, generation, attempt)
		return hkdf.Key(sha256.New, root, nil, info, codeSize)
	})
}

// firstSound takes the first code that is not degenerate. One with fewer than two distinct bytes is
// refused by tokens that check complexity, and one of zeros means "no code".
func firstSound(derive func(attempt int) ([]byte, error)) (secret.AccessCode, error) {
	for attempt := 0; ; attempt++ {
		raw, err := derive(attempt)
		if err != nil {
			return secret.AccessCode{}, fmt.Errorf("derive access code: %w", err)
		}
		code, sound := secret.NewAccessCode(raw), !uniform(raw)
		clear(raw)
		if sound {
			return code, nil
		}
		code.Wipe()
	}
}

func uniform(raw []byte) bool {
	for _, b := range raw {
		if b != raw[0] {
			return false
		}
	}
	return true
}
