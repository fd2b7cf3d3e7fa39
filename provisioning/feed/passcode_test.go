package feed

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func somePasscode(codes ...string) PasscodeBody {
	b := PasscodeBody{User: "mc12345", Site: "um", Type: "short", Uses: 5, ValidFor: 24 * time.Hour}
	for _, code := range codes {
		b.Codes = append(b.Codes, secret.NewPasscode(code))
	}
	return b
}

func TestPasscodeBodyRoundTrips(t *testing.T) {
	b := somePasscode("123456789", "999999999")
	b.Purpose, b.Uses = PurposeEnrol, 0
	encoded, err := b.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodePasscode(encoded)
	if err != nil || got.User != b.User || got.Site != b.Site || got.Type != b.Type ||
		got.Purpose != b.Purpose || got.Uses != 0 || got.ValidFor != b.ValidFor ||
		string(got.Codes[1].Expose()) != "999999999" || len(got.Codes) != 2 {
		t.Errorf("came back as %+v, %v", got, err)
	}
	seed, _ := someSeed().encode()
	if len(encoded) != len(seed) {
		t.Errorf("a passcode takes %d bytes and a seed %d: the size tells which", len(encoded), len(seed))
	}
	got.Wipe()
	if string(got.Codes[0].Expose()) == "123456789" {
		t.Error("a wiped code is still there")
	}
}

func TestLongestPasscodeBodyFits(t *testing.T) {
	b := somePasscode("123456789", "223456789", "323456789", "423456789", "523456789", "623456789",
		"723456789", "823456789", "923456789", "923456780")
	b.User, b.Site = strings.Repeat("u", maxUser), strings.Repeat("s", maxSite)
	b.Type, b.Uses, b.ValidFor = strings.Repeat("t", maxType), maxUses, maxValidFor
	encoded, err := b.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodePasscode(encoded); err != nil || len(got.Codes) != maxCodes {
		t.Errorf("came back as %+v, %v", got, err)
	}
}

func TestPasscodeBodiesThatDoNotEncode(t *testing.T) {
	change := func(f func(*PasscodeBody)) PasscodeBody {
		b := somePasscode("123456789")
		f(&b)
		return b
	}
	for name, b := range map[string]PasscodeBody{
		"no code":          somePasscode(),
		"eleven codes":     somePasscode(strings.Split(strings.Repeat("123456789 ", 11), " ")[:11]...),
		"eight digits":     somePasscode("12345678"),
		"ten digits":       somePasscode("1234567890"),
		"a leading zero":   somePasscode("012345678"),
		"a letter":         somePasscode("12345678a"),
		"a wiped code":     somePasscode("\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"no user":          change(func(b *PasscodeBody) { b.User = "" }),
		"no type":          change(func(b *PasscodeBody) { b.Type = "" }),
		"less than no use": change(func(b *PasscodeBody) { b.Uses = -1 }),
		"many uses":        change(func(b *PasscodeBody) { b.Uses = maxUses + 1 }),
		"no time":          change(func(b *PasscodeBody) { b.ValidFor = 0 }),
		"half a second":    change(func(b *PasscodeBody) { b.ValidFor = 1500 * time.Millisecond }),
		"a year":           change(func(b *PasscodeBody) { b.ValidFor = 365 * 24 * time.Hour }),
		"another purpose":  change(func(b *PasscodeBody) { b.Purpose = "vpn" }),
	} {
		if _, err := b.encode(); !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What decodes encodes to the same bytes: one body, one encoding.
func FuzzPasscodeBody(f *testing.F) {
	encoded, _ := somePasscode("123456789", "234567891").encode()
	f.Add(encoded)
	f.Add([]byte{tagPasscode})
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := decodePasscode(data)
		if err != nil {
			return
		}
		again, err := body.encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x decodes, and encodes to %x, %v", data, again, err)
		}
	})
}

// A passcode opens for the verifier and the escrow, as what it is and for its own record.
func TestBothHoldersOpenAPasscode(t *testing.T) {
	bundle, verifier, escrow := holders(t)
	sealer, err := NewSealer(bundle)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := sealer.SealPasscode(someRecord(), somePasscode("739518264"))
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Check(); err != nil || len(rec.Sealed) != sealedSize {
		t.Errorf("%d bytes, %v", len(rec.Sealed), err)
	}
	if bytes.Contains(rec.Sealed, []byte("739518264")) {
		t.Error("the digits can be read")
	}
	for _, holder := range []*Opener{verifier, escrow} {
		b, err := holder.OpenPasscode(rec)
		if err != nil || string(b.Codes[0].Expose()) != "739518264" {
			t.Errorf("%+v, %v", b, err)
		}
		if _, err := holder.OpenSeed(rec); err == nil {
			t.Error("it opens as a seed")
		}
	}
	other := rec
	other.Credential = strings.Repeat("3c", 16)
	if _, err := verifier.OpenPasscode(other); !errors.Is(err, ErrSealed) {
		t.Errorf("it opens in another record: %v", err)
	}
}
