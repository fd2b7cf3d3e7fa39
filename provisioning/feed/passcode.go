package feed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// KindPasscode carries a sealed PasscodeBody: codes the desk is about to give to a person. Its
// verdict is InStep when the verifier took it. A KindState record with StateRevoked ends it.
const KindPasscode Kind = "passcode"

// The ends of a passcode the verifier tells of its own accord, as verdicts on the record that
// carried it.
const (
	// UsedUp: every use was made.
	UsedUp Outcome = "used_up"
	// Expired: its time is over by the verifier's clock.
	Expired Outcome = "expired"
	// Replaced: a later one of the same type took its place, from whichever desk.
	Replaced Outcome = "replaced"
	// Voided: a new device of the user was enrolled.
	Voided Outcome = "voided"
	// Rebuilt: the verifier was lost and rebuilt, so nobody knows how often it was used.
	Rebuilt Outcome = "rebuilt"
)

// Ends reports whether an outcome is the end of a passcode, and not the answer to its record.
func (o Outcome) Ends() bool {
	return o == UsedUp || o == Expired || o == Replaced || o == Voided || o == Rebuilt
}

// PurposeEnrol in a PasscodeBody: good for enrolling a device and nothing else.
const PurposeEnrol = "enrol"

// PasscodeBody is the secret part of a KindPasscode record.
type PasscodeBody struct {
	// User is the sign-in name the codes are for; Site is the university.
	User, Site string
	// Type is "short", "long" or "recovery": a user has one of each.
	Type string
	// Codes are nine digits each, never beginning with 0.
	Codes []secret.Passcode
	// Uses of each code; 0 means no limit.
	Uses int
	// ValidFor is how long they are good for, in whole seconds, from Record.At.
	ValidFor time.Duration
	// Purpose is PurposeEnrol, or empty for any sign-in.
	Purpose string
}

// The limits of a passcode body.
const (
	tagPasscode = 'C'

	// PasscodeDigits is how many digits a passcode has.
	PasscodeDigits = 9
	maxCodes       = 10
	maxUses        = 1000
	maxType        = 16
	maxValidFor    = 31 * 24 * time.Hour
)

func (b PasscodeBody) check() error {
	whole := b.ValidFor == b.ValidFor.Truncate(time.Second)
	switch {
	case len(b.Codes) < 1 || len(b.Codes) > maxCodes:
		return fmt.Errorf("%w: there are 1 to %d codes", ErrBody, maxCodes)
	case b.Uses < 0 || b.Uses > maxUses:
		return fmt.Errorf("%w: uses", ErrBody)
	case b.ValidFor <= 0 || b.ValidFor > maxValidFor || !whole:
		return fmt.Errorf("%w: time it is valid", ErrBody)
	case b.Purpose != "" && b.Purpose != PurposeEnrol:
		return fmt.Errorf("%w: purpose", ErrBody)
	}
	for _, code := range b.Codes {
		if !wellFormed(code) {
			return fmt.Errorf("%w: a passcode has %d digits and does not begin with 0", ErrBody,
				PasscodeDigits)
		}
	}
	return nil
}

// wellFormed: a leading zero would get lost wherever a code is taken for a number.
func wellFormed(code secret.Passcode) bool {
	digits := code.Expose()
	defer clear(digits)
	if len(digits) != PasscodeDigits || digits[0] == '0' {
		return false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return false
		}
	}
	return true
}

// encode returns the fixed-size form of b. The caller wipes it.
func (b PasscodeBody) encode() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	w := newBodyWriter(tagPasscode)
	w.field("user", []byte(b.User), maxUser)
	w.field("site", []byte(b.Site), maxSite)
	w.field("type", []byte(b.Type), maxType)
	w.buf = append(w.buf, purposeByte(b.Purpose))
	w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(b.Uses))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(b.ValidFor/time.Second))
	w.buf = append(w.buf, byte(len(b.Codes)))
	for _, code := range b.Codes {
		digits := code.Expose()
		w.field("code", digits, PasscodeDigits)
		clear(digits)
	}
	return w.finish()
}

func purposeByte(purpose string) byte {
	if purpose == PurposeEnrol {
		return 1
	}
	return 0
}

// decodePasscode reads what PasscodeBody.encode wrote, and nothing else.
func decodePasscode(data []byte) (PasscodeBody, error) {
	r := newBodyReader(data, tagPasscode)
	b := PasscodeBody{
		User: string(r.field(maxUser)),
		Site: string(r.field(maxSite)),
		Type: string(r.field(maxType)),
	}
	purpose := r.byte()
	if purpose == 1 {
		b.Purpose = PurposeEnrol
	}
	b.Uses = int(r.uint16())
	b.ValidFor = time.Duration(r.uint32()) * time.Second
	n := int(r.byte())
	if n > maxCodes || purpose > 1 {
		return PasscodeBody{}, ErrBody
	}
	for range n {
		b.Codes = append(b.Codes, secret.NewPasscode(string(r.field(PasscodeDigits))))
	}
	if err := errors.Join(r.finish(), b.check()); err != nil {
		b.Wipe()
		return PasscodeBody{}, ErrBody
	}
	return b, nil
}

// Wipe overwrites the codes.
func (b PasscodeBody) Wipe() {
	for _, code := range b.Codes {
		code.Wipe()
	}
}

func (r *bodyReader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *bodyReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// SealPasscode returns rec as a KindPasscode record that carries body sealed, as SealSeed does.
func (s *Sealer) SealPasscode(rec Record, body PasscodeBody) (Record, error) {
	plain, err := body.encode()
	if err != nil {
		return Record{}, fmt.Errorf("encode a passcode body: %w", err)
	}
	defer clear(plain)
	return s.seal(rec, KindPasscode, plain)
}

// OpenPasscode opens a KindPasscode record.
func (o *Opener) OpenPasscode(rec Record) (PasscodeBody, error) {
	plain, err := o.open(rec, KindPasscode)
	if err != nil {
		return PasscodeBody{}, err
	}
	defer clear(plain)
	return decodePasscode(plain)
}
