package feed

import (
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// A sealed body is the same plaintext sealed twice by HPKE (RFC 9180, base mode), once to the
// verifier and once to the offline escrow key, each prefixed by the id of the key that opens it:
//
//	version(1) { keyID(8) enc(1120) ciphertext(bodySize+16) } x 2
//
// The KEM is the ML-KEM-768 + X25519 hybrid (0x647a), so that a feed recorded today stays closed to
// a quantum computer of tomorrow. Base mode does not say who sealed: the signed checkpoint over the
// record's hash does.
const (
	sealVersion = 1
	keyIDSize   = 8
	encSize     = 1120
	tagSize     = 16
	partSize    = keyIDSize + encSize + bodySize + tagSize
	sealedSize  = 1 + 2*partSize
)

// ErrSealed says that a sealed body does not open: another key, another record, or damage.
var ErrSealed = errors.New("the sealed body does not open")

// GenerateKey makes the two halves of a sealing key. Only the verifier and the escrow do this;
// a desk never holds a private half.
func GenerateKey() (private secret.Key, public []byte, err error) {
	key, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return secret.Key{}, nil, fmt.Errorf("make a sealing key: %w", err)
	}
	raw, err := key.Bytes()
	if err != nil {
		return secret.Key{}, nil, fmt.Errorf("encode a sealing key: %w", err)
	}
	defer clear(raw)
	return secret.NewKey(raw), key.PublicKey().Bytes(), nil
}

// KeyID names a public sealing key: the first 8 bytes of its SHA-256, in hex.
func KeyID(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:keyIDSize])
}

// Sealer seals record bodies for the two holders of a bundle. It holds public keys only.
type Sealer struct {
	verifier, escrow recipient
}

type recipient struct {
	id  []byte
	key hpke.PublicKey
}

// NewSealer takes the public keys out of a bundle.
func NewSealer(b Bundle) (*Sealer, error) {
	verifier, err := newRecipient(b.VerifierKey)
	if err != nil {
		return nil, fmt.Errorf("read the verifier key: %w", err)
	}
	escrow, err := newRecipient(b.EscrowKey)
	if err != nil {
		return nil, fmt.Errorf("read the escrow key: %w", err)
	}
	if string(verifier.id) == string(escrow.id) {
		return nil, errors.New("the verifier key and the escrow key are the same")
	}
	return &Sealer{verifier, escrow}, nil
}

func newRecipient(public []byte) (recipient, error) {
	key, err := hpke.MLKEM768X25519().NewPublicKey(public)
	if err != nil {
		return recipient{}, err
	}
	sum := sha256.Sum256(public)
	return recipient{sum[:keyIDSize], key}, nil
}

// SealSeed returns rec as a KindSeed record that carries body sealed. Everything else in rec is
// bound to it, so it must be final; At is brought to UTC and whole milliseconds first.
func (s *Sealer) SealSeed(rec Record, body SeedBody) (Record, error) {
	plain, err := body.encode()
	if err != nil {
		return Record{}, fmt.Errorf("encode a seed body: %w", err)
	}
	defer clear(plain)
	return s.seal(rec, KindSeed, plain)
}

// SealProof returns rec as a KindProof record that carries body sealed, as SealSeed does.
func (s *Sealer) SealProof(rec Record, body ProofBody) (Record, error) {
	plain, err := body.encode()
	if err != nil {
		return Record{}, fmt.Errorf("encode a proof body: %w", err)
	}
	defer clear(plain)
	return s.seal(rec, KindProof, plain)
}

func (s *Sealer) seal(rec Record, kind Kind, plain []byte) (Record, error) {
	if rec.Kind != "" && rec.Kind != kind {
		return Record{}, fmt.Errorf("seal a %s record: its kind is %s", kind, rec.Kind)
	}
	rec.Kind, rec.Sealed = kind, nil
	rec.At = rec.At.UTC().Truncate(time.Millisecond)
	facts := rec.facts()
	sealed := append(make([]byte, 0, sealedSize), sealVersion)
	for _, to := range []recipient{s.verifier, s.escrow} {
		enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.AES256GCM(),
			sealInfo(to.id))
		if err != nil {
			return Record{}, fmt.Errorf("begin sealing: %w", err)
		}
		box, err := sender.Seal(facts, plain)
		if err != nil {
			return Record{}, fmt.Errorf("seal: %w", err)
		}
		sealed = append(append(append(sealed, to.id...), enc...), box...)
	}
	rec.Sealed = sealed
	return rec, nil
}

// Opener opens record bodies with one private key: the verifier's, or the escrow's.
type Opener struct {
	id  []byte
	key hpke.PrivateKey
	// older are keys that were renewed and may still be sealed to.
	older []*Opener
}

// NewOpener takes a private key that GenerateKey made.
func NewOpener(private secret.Key) (*Opener, error) {
	raw := private.Expose()
	defer clear(raw)
	key, err := hpke.MLKEM768X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, errors.New("this is not a sealing key")
	}
	sum := sha256.Sum256(key.PublicKey().Bytes())
	return &Opener{id: sum[:keyIDSize], key: key}, nil
}

// Public is the public half.
func (o *Opener) Public() []byte { return o.key.PublicKey().Bytes() }

// With returns an opener that opens with older keys, too. Its public half stays its own.
func (o *Opener) With(older ...*Opener) *Opener {
	return &Opener{id: o.id, key: o.key, older: older}
}

// OpenSeed opens a KindSeed record.
func (o *Opener) OpenSeed(rec Record) (SeedBody, error) {
	plain, err := o.open(rec, KindSeed)
	if err != nil {
		return SeedBody{}, err
	}
	defer clear(plain)
	return decodeSeed(plain)
}

// OpenProof opens a KindProof record.
func (o *Opener) OpenProof(rec Record) (ProofBody, error) {
	plain, err := o.open(rec, KindProof)
	if err != nil {
		return ProofBody{}, err
	}
	defer clear(plain)
	return decodeProof(plain)
}

func (o *Opener) open(rec Record, kind Kind) ([]byte, error) {
	box := rec.Sealed
	if rec.Kind != kind || len(box) != sealedSize || box[0] != sealVersion {
		return nil, ErrSealed
	}
	for part := box[1:]; len(part) > 0; part = part[partSize:] {
		if key := o.named(part[:keyIDSize]); key != nil {
			return key.openPart(rec, part[keyIDSize:partSize])
		}
	}
	return nil, fmt.Errorf("%w: it is sealed to other keys", ErrSealed)
}

// named finds the key of an id among its own and the older ones.
func (o *Opener) named(id []byte) *Opener {
	for _, key := range append([]*Opener{o}, o.older...) {
		if string(key.id) == string(id) {
			return key
		}
	}
	return nil
}

func (o *Opener) openPart(rec Record, part []byte) ([]byte, error) {
	enc, box := part[:encSize], part[encSize:]
	r, err := hpke.NewRecipient(enc, o.key, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(o.id))
	if err != nil {
		return nil, ErrSealed
	}
	plain, err := r.Open(rec.facts(), box)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// sealInfo is the info parameter of RFC 9180 section 5.1: it keeps our keys from meaning anything
// in another protocol.
func sealInfo(keyID []byte) []byte {
	return append([]byte("token desk seal v1 "), keyID...)
}

// facts is everything in the record but Sealed, in the form the log hashes: the associated data.
func (r Record) facts() []byte {
	r.Sealed = nil
	return r.Canonical()
}
