package daemon

import (
	"crypto/tls"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// keyring holds the keys that may be renewed while the desk runs, its own and the verifier's, and
// what the verifier was told of them. It makes nothing durable.
type keyring struct {
	mu     sync.RWMutex
	keys   Keys
	bundle feed.Bundle
	sealer *feed.Sealer
	// said is the announcement in force and serial its number, told the newest one the verifier has.
	said         []byte
	serial, told int64
	// changed is closed when the announcement or the bundle changes.
	changed chan struct{}
}

func newKeyring(keys Keys, bundle feed.Bundle) (*keyring, error) {
	k := &keyring{keys: keys, changed: make(chan struct{})}
	return k, k.useBundle(bundle)
}

// useBundle seals for, and is followed by, the verifier of a bundle.
func (k *keyring) useBundle(b feed.Bundle) error {
	sealer, err := feed.NewSealer(b)
	if err != nil {
		return fmt.Errorf("the verifier's bundle: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bundle, k.sealer = b, sealer
	k.wake()
	return nil
}

// wake ends the long polls. The caller holds the lock.
func (k *keyring) wake() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// use has the desk use other keys of its own, and announces them.
func (k *keyring) use(keys Keys, origin string, serial int64) error {
	a := feed.Keys{Origin: origin, Serial: serial, LogKeys: []string{keys.LogKey}}
	for _, cert := range []tls.Certificate{keys.Feed, keys.FeedBeside} {
		if len(cert.Certificate) == 0 {
			continue
		}
		leaf, err := feedLeaf(cert)
		if err != nil {
			return err
		}
		a.TLSPins = append(a.TLSPins, feed.Pin(leaf))
	}
	if keys.LogBeside != nil {
		a.LogKeys = append(a.LogKeys, keys.LogKeyBeside)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// A key that was retired signs this once more: a verifier that missed what came before knows it.
	signers := append(keys.signers(), k.keys.signers()...)
	said, err := note.Sign(&note.Note{Text: a.Text()}, distinct(signers)...)
	if err != nil {
		return fmt.Errorf("sign the announcement of keys: %w", err)
	}
	k.keys, k.said, k.serial = keys, said, serial
	k.wake()
	return nil
}

func distinct(signers []note.Signer) (list []note.Signer) {
	for _, s := range signers {
		if !slices.ContainsFunc(list, func(o note.Signer) bool { return o.KeyHash() == s.KeyHash() }) {
			list = append(list, s)
		}
	}
	return list
}

// signers are the keys the log is signed with.
func (k Keys) signers() []note.Signer {
	if k.LogBeside == nil {
		return []note.Signer{k.Log}
	}
	return []note.Signer{k.Log, k.LogBeside}
}

func (k *keyring) now() Keys {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys
}

// certificate is what the feed is served with.
func (k *keyring) certificate() *tls.Certificate {
	cert := k.now().Feed
	return &cert
}

// taken says whether the verifier has the announcement in force.
func (k *keyring) taken() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.told >= k.serial
}

// Announced implements publish.Renewals.
func (k *keyring) Announced() ([]byte, <-chan struct{}) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.said, k.changed
}

// Taken implements publish.Renewals.
func (k *keyring) Taken(serial int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = max(k.told, serial)
}

// Bundle implements publish.Renewals.
func (k *keyring) Bundle() feed.Bundle {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.bundle
}

// Admits implements publish.Renewals.
func (k *keyring) Admits(pin string) bool {
	return slices.Contains(k.Bundle().FollowerPins(), pin)
}

// useSite derives access codes from another site secret from now on.
func (k *keyring) useSite(s SiteSecret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys.Site = s
}

// useDesk remembers which key opens the store, and which does not any more.
func (k *keyring) useDesk(use, beside secret.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys.Desk, k.keys.DeskBeside = use, beside
}

// Generation implements visit.AccessCodes.
func (k *keyring) Generation() int { return k.now().Site.Generation() }

// Code implements visit.AccessCodes.
func (k *keyring) Code(generation int, serial string) (secret.AccessCode, error) {
	return k.now().Site.Code(generation, serial)
}

func (k *keyring) sealing() *feed.Sealer {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.sealer
}

// SealOrder implements visit.Sealer.
func (k *keyring) SealOrder(rec feed.Record, body feed.OrderBody) (feed.Record, error) {
	return k.sealing().SealOrder(rec, body)
}

// SealSeed implements visit.Sealer.
func (k *keyring) SealSeed(rec feed.Record, body feed.SeedBody) (feed.Record, error) {
	return k.sealing().SealSeed(rec, body)
}

// SealProof implements visit.Sealer.
func (k *keyring) SealProof(rec feed.Record, body feed.ProofBody) (feed.Record, error) {
	return k.sealing().SealProof(rec, body)
}

// SealPasscode implements visit.Sealer.
func (k *keyring) SealPasscode(rec feed.Record, body feed.PasscodeBody) (feed.Record, error) {
	return k.sealing().SealPasscode(rec, body)
}
