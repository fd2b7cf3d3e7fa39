package verifier

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// deskKeys is what a desk and the verifier know of each other's keys.
type deskKeys struct {
	// Keys is the serial of the newest announcement of the desk that was taken.
	Keys int64 `json:"keys,omitempty"`
	// Holds is the fingerprint of the bundle the desk confirmed, HoldsFrom how long its log was
	// then, and HoldsSince when that was.
	Holds      string    `json:"holds,omitempty"`
	HoldsFrom  int64     `json:"holds_from,omitempty"`
	HoldsSince time.Time `json:"holds_since,omitzero"`
	// RetiredLogKeys were pinned and renewed: a backup may be signed with one. RetiredTLSPins were
	// renewed, too; neither is pinned again.
	RetiredLogKeys []string `json:"retired_log_keys,omitempty"`
	RetiredTLSPins []string `json:"retired_tls_pins,omitempty"`
}

// takeUp pins the keys a desk announces, because a key that is pinned already signed for them. Told
// is whether the desk has to hear of it.
func (f *follower) takeUp(tail feed.Tail, signed []byte) (told bool, err error) {
	if len(signed) == 0 || bytes.Equal(signed, f.said) {
		return false, nil
	}
	k, err := feed.OpenKeys(signed, f.keys...)
	if err != nil {
		return false, err
	}
	if k.Origin != feed.Origin(f.desk, tail.Feed()) {
		return false, feed.ErrKeys
	}
	card := f.card.Renewed(k)
	keys, err := card.Verifiers()
	if err != nil {
		return false, err
	}
	if err := f.pin(card, k.Serial); err != nil {
		return false, err
	}
	renewed := card != f.card
	f.card, f.keys, f.said, f.announced = card, keys, bytes.Clone(signed), k.Serial
	if renewed {
		f.log.Info("a desk renews its keys", "desk", f.desk, "serial", k.Serial,
			"pins", len(k.TLSPins), "log_keys", len(k.LogKeys))
		f.wire.close()
		f.connect()
	}
	return true, nil
}

// connect makes the line to the desk by its card as it is now.
func (f *follower) connect() {
	tries := f.tries
	f.wire = newWire(f.card, func() *tls.Certificate { return f.face(tries) }, f.dial)
	f.wire.seen = func(cert *x509.Certificate) { f.shownBy(f.desk, cert) }
}

// pin makes the desk's card durable with other keys. An older announcement changes nothing.
func (f *follower) pin(card feed.DeskCard, serial int64) error {
	if card == f.card {
		return nil
	}
	err := f.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(f.desk))
		switch {
		case err != nil:
			return err
		case !ok:
			return errGone
		case row.Card != f.card || serial < row.Keys:
			// Trusted anew meanwhile, or a page that was long under way. Whoever starts followers
			// looks again: this one may have been started with a card that was just being renewed.
			f.desksChanged()
			return feed.ErrElsewhere
		}
		row.retire(row.Card, card)
		row.Card, row.Keys = card, serial
		return save(tx, deskTable, []byte(f.desk), row)
	})
	if err == nil {
		f.setFollowed(f.desk, card)
	}
	return err
}

// retire keeps the keys that the next card has no more. Before one goes it was pinned beside the one
// that takes its place.
func (k *deskKeys) retire(last, next feed.DeskCard) {
	for _, key := range []string{last.LogKey, last.NextLogKey} {
		if key != "" && !next.SignsWith(key) && !slices.Contains(k.RetiredLogKeys, key) {
			k.RetiredLogKeys = append(k.RetiredLogKeys, key)
		}
	}
	for _, pin := range last.TLSPins() {
		if !slices.Contains(next.TLSPins(), pin) && !slices.Contains(k.RetiredTLSPins, pin) {
			k.RetiredTLSPins = append(k.RetiredTLSPins, pin)
		}
	}
}

// reconnect lets go of the connections that were made with another certificate of ours than the one
// in use. No call is under way then.
func (f *follower) reconnect() {
	pin := feed.Pin(f.followerCertificate().Leaf)
	if f.shown == pin {
		return
	}
	f.wire.close()
	f.shown = pin
	f.setLink(f.desk, func(l *Link) { l.shown = pin })
	f.spreadSoon()
}

// followedBy is the card a desk is followed by at the moment.
func (v *Verifier) followedBy(desk string) feed.DeskCard {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cards[desk]
}

func (v *Verifier) setFollowed(desk string, card feed.DeskCard) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cards[desk] = card
}

// spreadSoon wakes whoever takes a new bundle to the desks.
func (v *Verifier) spreadSoon() {
	select {
	case v.spread <- struct{}{}:
	default: // it has not looked yet since the last time
	}
}
