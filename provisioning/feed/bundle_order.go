package feed

import (
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// A new bundle reaches a desk over the pinned connection. That alone would let a thief of the
// follower's certificate have seeds sealed to a key of their own, so the desk asks for more: it
// makes a secret only the holder of the sealing key it seals to now can compute (RFC 9180 section
// 5.3, secret export), and the new bundle comes with a MAC under it.

// PathBundle is where the desk's bundle is asked for and replaced.
const PathBundle = "/sync/v1/bundle"

// BundleState is which bundle a desk holds.
type BundleState struct {
	// Held is the Fingerprint of the bundle, durable at the desk.
	Held string `json:"held"`
	// Position is how many leaves the desk has: none beyond it is sealed by an older bundle, but
	// what was being sealed at that moment.
	Position int64 `json:"position"`
	// Key is the id of the sealing key that may order another, Challenge is what it has to open.
	Key       string `json:"key,omitempty"`
	Challenge []byte `json:"challenge,omitempty"`
}

// BundleOrder replaces a desk's bundle.
type BundleOrder struct {
	// Bundle is what Bundle.Encode wrote.
	Bundle []byte `json:"bundle"`
	// Proof is the MAC of it: see Opener.Prove.
	Proof []byte `json:"proof"`
}

// ErrProof says that whoever orders a new bundle does not hold the sealing key of the old one.
var ErrProof = errors.New("the order for a new bundle is not by the holder of the sealing key")

// Fingerprint names a bundle: the SHA-256 of its encoding, in hex.
func (b Bundle) Fingerprint() string {
	data, err := b.Encode()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Challenge is one question to the holder of a sealing key.
type Challenge struct {
	// Public is what travels.
	Public []byte
	answer secret.Key
}

const (
	challengeInfo  = "token desk bundle v1"
	challengeLabel = "order"
	answerSize     = 32
	maxChallenge   = 4 << 10
)

// NewChallenge asks the holder of a public sealing key.
func NewChallenge(public []byte) (Challenge, error) {
	to, err := newRecipient(public)
	if err != nil {
		return Challenge{}, fmt.Errorf("read a sealing key: %w", err)
	}
	enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.AES256GCM(),
		[]byte(challengeInfo))
	if err != nil {
		return Challenge{}, fmt.Errorf("begin a challenge: %w", err)
	}
	answer, err := sender.Export(challengeLabel, answerSize)
	if err != nil {
		return Challenge{}, fmt.Errorf("make a challenge: %w", err)
	}
	defer clear(answer)
	return Challenge{Public: enc, answer: secret.NewKey(answer)}, nil
}

// Check says whether an order answers the challenge.
func (c Challenge) Check(o BundleOrder) error {
	if c.answer.IsZero() {
		return ErrProof
	}
	answer := c.answer.Expose()
	defer clear(answer)
	if !hmac.Equal(proofOf(answer, o.Bundle), o.Proof) {
		return ErrProof
	}
	return nil
}

func proofOf(answer, bundle []byte) []byte {
	mac := hmac.New(sha256.New, answer)
	mac.Write(bundle)
	return mac.Sum(nil)
}

// Prove makes the order that answers a desk's challenge, with whichever of the keys it asks for.
func (o *Opener) Prove(asked BundleState, bundle Bundle) (BundleOrder, error) {
	data, err := bundle.Encode()
	if err != nil {
		return BundleOrder{}, err
	}
	id, err := hex.DecodeString(asked.Key)
	if err != nil {
		return BundleOrder{}, fmt.Errorf("%w: a key id", ErrMalformed)
	}
	key := o.named(id)
	if key == nil {
		return BundleOrder{}, fmt.Errorf("the desk seals to the key %s, which is not here", asked.Key)
	}
	r, err := hpke.NewRecipient(asked.Challenge, key.key, hpke.HKDFSHA256(), hpke.AES256GCM(),
		[]byte(challengeInfo))
	if err != nil {
		return BundleOrder{}, fmt.Errorf("%w: a challenge", ErrMalformed)
	}
	answer, err := r.Export(challengeLabel, answerSize)
	if err != nil {
		return BundleOrder{}, fmt.Errorf("answer a challenge: %w", err)
	}
	defer clear(answer)
	return BundleOrder{Bundle: data, Proof: proofOf(answer, data)}, nil
}

// DecodeBundleState reads a BundleState and checks its shape.
func DecodeBundleState(data []byte) (BundleState, error) {
	var s BundleState
	if err := decodeOne(data, &s); err != nil {
		return BundleState{}, fmt.Errorf("read the state of a bundle: %w", err)
	}
	if !isHex(s.Held, sha256.Size) || s.Position < 0 || len(s.Challenge) > maxChallenge ||
		s.Key != "" && !isHex(s.Key, keyIDSize) {
		return BundleState{}, fmt.Errorf("%w: the state of a bundle", ErrMalformed)
	}
	return s, nil
}

// DecodeBundleOrder reads a BundleOrder and the bundle in it.
func DecodeBundleOrder(data []byte) (BundleOrder, Bundle, error) {
	var o BundleOrder
	if len(data) > 2*maxFile || json.Unmarshal(data, &o) != nil {
		return BundleOrder{}, Bundle{}, fmt.Errorf("%w: an order for a bundle", ErrMalformed)
	}
	bundle, err := DecodeBundle(o.Bundle)
	return o, bundle, err
}
