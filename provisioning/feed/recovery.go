package feed

import (
	"crypto/hpke"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// WrapOverhead is how much longer a wrapped key is than the key.
const WrapOverhead = encSize + tagSize

// ErrWrapped says that a wrapped key does not open: it is for another key, or was changed.
var ErrWrapped = errors.New("it was sealed to another recovery key, or it was changed")

// WrapKey seals a key of one file to the public half of an offline key (RFC 9180, base mode, as a
// record's body is). The facts are bound to it: they must be the same when it is opened. Base mode
// does not say who wrapped it.
func WrapKey(public []byte, key secret.Key, facts []byte) ([]byte, error) {
	to, err := newRecipient(public)
	if err != nil {
		return nil, fmt.Errorf("read a recovery key: %w", err)
	}
	enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.AES256GCM(), wrapInfo(to.id))
	if err != nil {
		return nil, fmt.Errorf("wrap a key: %w", err)
	}
	raw := key.Expose()
	defer clear(raw)
	box, err := sender.Seal(facts, raw)
	if err != nil {
		return nil, fmt.Errorf("wrap a key: %w", err)
	}
	return append(enc, box...), nil
}

// UnwrapKey opens what WrapKey sealed.
func UnwrapKey(private secret.Key, wrapped, facts []byte) (secret.Key, error) {
	o, err := NewOpener(private)
	if err != nil {
		return secret.Key{}, err
	}
	if len(wrapped) <= WrapOverhead {
		return secret.Key{}, ErrWrapped
	}
	r, err := hpke.NewRecipient(wrapped[:encSize], o.key, hpke.HKDFSHA256(), hpke.AES256GCM(),
		wrapInfo(o.id))
	if err != nil {
		return secret.Key{}, ErrWrapped
	}
	raw, err := r.Open(facts, wrapped[encSize:])
	if err != nil {
		return secret.Key{}, ErrWrapped
	}
	defer clear(raw)
	return secret.NewKey(raw), nil
}

// CheckPublic says whether this is the public half of a sealing key.
func CheckPublic(public []byte) error {
	_, err := newRecipient(public)
	return err
}

func wrapInfo(keyID []byte) []byte {
	return append([]byte("token desk recovery v1 "), keyID...)
}
