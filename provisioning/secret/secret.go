// Package secret holds the opaque types for values that must appear nowhere: token seeds, slot
// access codes, officers' PINs, people's passwords, passcodes and one-time passwords.
//
// A value of these types prints a constant under every fmt verb and slog handler, refuses to be
// marshalled, and cannot be compared with ==. The bytes hide behind a closure, because fmt reaches
// through structs, slices and pointers when a printed struct has an unexported secret field, and
// cannot reach through a func. The package refuses to know what the bytes are for: sealing,
// hashing and programming belong to the packages above.
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Redacted is what every secret prints as.
const Redacted = "[secret]"

// ErrMarshal is returned by every attempt to encode a secret.
var ErrMarshal = errors.New("a secret does not marshal")

// Seed is the shared key of one HOTP credential (RFC 4226 section 4, R6), 20 bytes in this project.
type Seed struct{ opaque }

// AccessCode guards one slot of a token: 6 bytes for a YubiKey; the zero value means "no code".
type AccessCode struct{ opaque }

// PIN is what an officer types to unlock the desk, as ASCII digits.
type PIN struct{ opaque }

// OTP is one typed one-time password, as ASCII digits.
type OTP struct{ opaque }

// Passcode is a code a desk issues: nine ASCII digits.
type Passcode struct{ opaque }

// Password is what a person types to sign in, as UTF-8.
type Password struct{ opaque }

// Response is what a token answers to a challenge: 20 bytes of HMAC-SHA1.
type Response struct{ opaque }

// Key is a symmetric key or a root from which keys are derived.
type Key struct{ opaque }

// NewSeed takes a copy of b.
func NewSeed(b []byte) Seed { return Seed{hide(b)} }

// NewAccessCode takes a copy of b.
func NewAccessCode(b []byte) AccessCode { return AccessCode{hide(b)} }

// NewPIN takes a copy of the digits.
func NewPIN(digits string) PIN { return PIN{hide([]byte(digits))} }

// NewOTP takes a copy of the digits.
func NewOTP(digits string) OTP { return OTP{hide([]byte(digits))} }

// NewOTPDigits is NewOTP without the text, which cannot be wiped.
func NewOTPDigits(digits []byte) OTP { return OTP{hide(digits)} }

// NewPasscode takes a copy of the digits.
func NewPasscode(digits string) Passcode { return Passcode{hide([]byte(digits))} }

// NewPassword takes a copy of the text.
func NewPassword(text string) Password { return Password{hide([]byte(text))} }

// NewResponse takes a copy of b.
func NewResponse(b []byte) Response { return Response{hide(b)} }

// NewKey takes a copy of b.
func NewKey(b []byte) Key { return Key{hide(b)} }

// Equal compares two one-time passwords in constant time.
func (o OTP) Equal(other OTP) bool { return o.equal(other.opaque) }

// Equal compares two access codes in constant time.
func (a AccessCode) Equal(other AccessCode) bool { return a.equal(other.opaque) }

// opaque keeps the bytes inside a closure. The zero-width func array forbids ==.
type opaque struct {
	_     [0]func()
	bytes func() []byte
}

func hide(b []byte) opaque {
	if len(b) == 0 {
		return opaque{}
	}
	kept := slices.Clone(b)
	return opaque{bytes: func() []byte { return kept }}
}

// Expose returns a copy of the bytes. It is the one door: search for its name to see every place
// where a secret leaves its type. The caller wipes the copy.
func (o opaque) Expose() []byte {
	if o.bytes == nil {
		return nil
	}
	return slices.Clone(o.bytes())
}

// IsZero reports whether no secret was ever put in, or it was wiped.
func (o opaque) IsZero() bool { return len(o.bytesOrNil()) == 0 }

// Len is the number of bytes.
func (o opaque) Len() int { return len(o.bytesOrNil()) }

// Wipe overwrites the bytes kept here. Copies the runtime or a library made are out of reach; the
// security model in the README says so.
func (o opaque) Wipe() { clear(o.bytesOrNil()) }

func (o opaque) bytesOrNil() []byte {
	if o.bytes == nil {
		return nil
	}
	return o.bytes()
}

func (o opaque) equal(p opaque) bool {
	return subtle.ConstantTimeCompare(o.bytesOrNil(), p.bytesOrNil()) == 1
}

// Format prints the constant under every verb.
func (opaque) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(Redacted)) }

// LogValue prints the constant in structured logs.
func (opaque) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON always fails.
func (opaque) MarshalJSON() ([]byte, error) { return nil, ErrMarshal }

// MarshalText always fails.
func (opaque) MarshalText() ([]byte, error) { return nil, ErrMarshal }

// MarshalBinary always fails.
func (opaque) MarshalBinary() ([]byte, error) { return nil, ErrMarshal }

// GobEncode always fails.
func (opaque) GobEncode() ([]byte, error) { return nil, ErrMarshal }
