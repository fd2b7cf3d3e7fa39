package yubikey

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func siteSecret(fill byte) secret.Key {
	raw := make([]byte, siteSecretSize)
	for i := range raw {
		raw[i] = fill + byte(i)
	}
	return secret.NewKey(raw)
}

// These codes guard slots in the field: they may never change.
func TestAccessCodes(t *testing.T) {
	for _, c := range []struct {
		fill       byte
		generation int
		serial     string
		want       string
	}{
		{0, 1, "12345678", "5a443daf9479"},
		{0, 2, "12345678", "2059d9f7c6fb"},
		{0, 1, "12345679", "41d973c5bd6d"},
		{1, 1, "12345678", "f3d50786139f"},
		{0, 11, "2345678", "a578dd786419"},
		{0, 1, "4294967295", "11c79e6526b5"},
	} {
		code, err := AccessCode(siteSecret(c.fill), c.generation, c.serial)
		if got := hex.EncodeToString(code.Expose()); err != nil || got != c.want {
			t.Errorf("secret %d, generation %d, serial %s: %s, %v; want %s",
				c.fill, c.generation, c.serial, got, err, c.want)
		}
	}
}

func TestAccessCodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		site       secret.Key
		generation int
		serial     string
	}{
		"no secret":    {secret.Key{}, 1, "1"},
		"short secret": {secret.NewKey(make([]byte, siteSecretSize-1)), 1, "1"},
		"generation 0": {siteSecret(0), 0, "1"},
		"no serial":    {siteSecret(0), 1, ""},
	} {
		if code, err := AccessCode(c.site, c.generation, c.serial); err == nil || !code.IsZero() {
			t.Errorf("%s: a code was derived", name)
		}
	}
}

func TestDegenerateCodesAreDerivedAgain(t *testing.T) {
	tries := [][]byte{{0, 0, 0, 0, 0, 0}, {7, 7, 7, 7, 7, 7}, {7, 7, 7, 7, 7, 8}, {1, 2, 3, 4, 5, 6}}
	code, err := firstSound(func(attempt int) ([]byte, error) { return tries[attempt], nil })
	if got := hex.EncodeToString(code.Expose()); err != nil || got != "070707070708" {
		t.Errorf("took %s, %v", got, err)
	}
	broken := errors.New("broken")
	_, err = firstSound(func(int) ([]byte, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
