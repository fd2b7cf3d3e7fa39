package daemon

import (
	"context"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// What an operator renews, beside the credentials by their own names.
const (
	RenewFeed   = "feed"
	RenewLog    = "log"
	RenewDesk   = "desk"
	RenewSite   = "site-secret"
	RenewBundle = "bundle"
)

// RenewOrder is one step of a renewal. The new key travels from the command to the socket on this
// box, and is in its file by then.
type RenewOrder struct {
	// Credential is the text of the credential's file, or of the bundle.
	Credential []byte `json:"credential,omitempty"`
	// Generation of the site secret to be given up.
	Generation int `json:"generation,omitempty"`
}

// RenewState is how far a renewal is. Keys are named by their public ids.
type RenewState struct {
	What string `json:"what"`
	// Source is where the daemon has the credential from: "plain", "sealed", or empty if it cannot
	// say.
	Source string `json:"source,omitempty"`
	// Use is the key in use, Beside the second one.
	Use    string `json:"use"`
	Beside string `json:"beside,omitempty"`
	// Taken says that the verifier knows both.
	Taken      bool `json:"taken"`
	VerifierUp bool `json:"verifier_up"`
	// Generation is the current one of the site secret, Generations are all.
	Generation  int   `json:"generation,omitempty"`
	Generations []int `json:"generations,omitempty"`
}

// openKeys takes up the bundle in force and the keys of the last run, and announces them.
func (d *Desk) openKeys(ctx context.Context) error {
	bundle, err := d.bundleInForce(ctx)
	if err != nil {
		return err
	}
	if d.keys, err = newKeyring(d.parts.Keys, bundle); err != nil {
		return err
	}
	return d.announce(d.parts.Keys)
}

// announce has the log signed, and the feed served, with these keys, and says so in the feed.
func (d *Desk) announce(keys Keys) error {
	d.store.SignWith(keys.signers()...)
	return d.keys.use(keys, d.store.Origin(), d.store.Head())
}

// renewState tells how far the renewal of something is.
func (d *Desk) renewState(what string) (RenewState, error) {
	keys := d.keys.now()
	s := RenewState{What: what, Taken: d.keys.taken(), VerifierUp: d.followed()}
	if name, ok := renewedIn(what); ok {
		s.Source = sourceOf(name)
	}
	switch what {
	case RenewFeed, RenewLog:
		card, err := d.card()
		if err != nil {
			return s, err
		}
		s.Use, s.Beside = card.TLSPin, card.NextTLSPin
		if what == RenewLog {
			s.Use, s.Beside = card.LogKey, card.NextLogKey
		}
	case RenewDesk:
		s.Use, s.Beside = deskKeyID(keys.Desk), deskKeyID(keys.DeskBeside)
	case RenewSite:
		s.Generation, s.Generations = keys.Site.Generation(), keys.Site.numbers()
	case RenewBundle:
		s.Use = d.keys.Bundle().Fingerprint()
	default:
		return s, AdminError{"unknown", "there is no such key"}
	}
	return s, nil
}

// renew carries one step out: the act is on record before the key is used.
func (d *Desk) renew(ctx context.Context, by, what string, o RenewOrder) error {
	d.renewing.Lock()
	defer d.renewing.Unlock()
	if err := d.renewStep(ctx, by, what, o); err != nil {
		return err
	}
	if name, ok := credentialOf[what]; ok && len(o.Credential) > 0 {
		d.renewed[name] = secret.NewKey(o.Credential)
	}
	return nil
}

// credentialOf names the credential that a renewal writes.
var credentialOf = map[string]string{RenewFeed: credFeed, RenewLog: credLog, RenewSite: credSite}

// renewedIn names the credential in which something is renewed.
func renewedIn(what string) (name string, ok bool) {
	if what == RenewDesk {
		return credDesk, true
	}
	name, ok = credentialOf[what]
	return name, ok
}

func (d *Desk) renewStep(ctx context.Context, by, what string, o RenewOrder) error {
	switch what {
	case RenewFeed, RenewLog:
		return d.renewPublic(ctx, by, what, o.Credential)
	case RenewDesk:
		return d.renewDesk(ctx, by, o.Credential)
	case RenewSite:
		if o.Generation != 0 {
			return d.retireSite(ctx, by, o.Generation)
		}
		return d.renewSite(ctx, by, o.Credential)
	case RenewBundle:
		b, err := feed.DecodeBundle(o.Credential)
		if err != nil {
			return AdminError{"malformed", err.Error()}
		}
		_, err = d.takeBundle(ctx, by, b)
		return err
	}
	return AdminError{"unknown", "there is no such key"}
}

// record puts a step on record.
func (d *Desk) record(ctx context.Context, r provisioning.Renewal) error {
	now := d.moment()
	_, err := d.store.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Renew(now, r), nil
	})
	return err
}

// renewPublic takes the next form of the feed's or the log's key: announced, switched to, or alone.
// Only a key that the verifier knows by now comes into use.
func (d *Desk) renewPublic(ctx context.Context, by, what string, text []byte) error {
	state, err := d.renewState(what)
	if err != nil {
		return err
	}
	next, use, err := d.with(what, text)
	if err != nil {
		return AdminError{"malformed", err.Error()}
	}
	act := map[string]provisioning.Act{wordNext: provisioning.ActKeyAnnounce,
		wordOld: provisioning.ActKeySwitch, "": provisioning.ActKeyRetire}[splitKeys(text).word]
	switch {
	case use == state.Use:
	case use != state.Beside || act != provisioning.ActKeySwitch:
		return provisioning.Refuse(provisioning.CodeKeyOrder)
	case !state.Taken:
		return provisioning.Refuse(provisioning.CodeKeyNotTaken)
	}
	err = d.record(ctx, provisioning.Renewal{By: by, Act: act, What: what,
		Detail: map[string]string{"key": use}})
	if err != nil {
		return err
	}
	return d.announce(next)
}

// with is the desk's keys with another form of one of them, and the id of the one to be used.
func (d *Desk) with(what string, text []byte) (keys Keys, use string, err error) {
	keys = d.keys.now()
	if what == RenewFeed {
		keys.Feed, keys.FeedBeside, err = feedKeys(text)
		if err != nil {
			return keys, "", err
		}
		return keys, feed.Pin(keys.Feed.Leaf), nil
	}
	first, second, err := logKeys(text)
	if err != nil {
		return keys, "", err
	}
	for _, signer := range []note.Signer{first.signer, second.signer} {
		if signer != nil && signer.Name() != d.parts.Config.Desk {
			return keys, "", fmt.Errorf("the log key is one of %s", signer.Name())
		}
	}
	keys.Log, keys.LogKey = first.signer, first.public
	keys.LogBeside, keys.LogKeyBeside = second.signer, second.public
	return keys, first.public, nil
}

// renewDesk has the store open with the second key of the credential, or gives up the one beside.
func (d *Desk) renewDesk(ctx context.Context, by string, text []byte) error {
	first, second, err := deskKeys(text)
	if err != nil {
		return AdminError{"malformed", err.Error()}
	}
	use := d.keys.now().Desk
	r := provisioning.Renewal{By: by, Act: provisioning.ActKeySwitch, What: RenewDesk,
		Detail: map[string]string{"key": deskKeyID(second)}}
	switch {
	case second.IsZero() && deskKeyID(first) == deskKeyID(use):
		r.Act, r.Detail["key"] = provisioning.ActKeyRetire, deskKeyID(use)
		if err := d.record(ctx, r); err != nil {
			return err
		}
		d.keys.useDesk(first, second)
		return nil
	case second.IsZero() || deskKeyID(first) != deskKeyID(use):
		return provisioning.Refuse(provisioning.CodeKeyOrder)
	}
	if err := d.record(ctx, r); err != nil {
		return err
	}
	if err := d.store.Rekey(second); err != nil {
		return err
	}
	d.keys.useDesk(second, first)
	return nil
}

// renewSite takes a site secret with one generation more. What was there stays as it was.
func (d *Desk) renewSite(ctx context.Context, by string, text []byte) error {
	next, err := parseSiteSecret(text)
	if err != nil {
		return AdminError{"malformed", err.Error()}
	}
	if !next.extends(d.keys.now().Site) {
		return provisioning.Refuse(provisioning.CodeKeyOrder)
	}
	err = d.record(ctx, provisioning.Renewal{By: by, Act: provisioning.ActKeySwitch, What: RenewSite,
		Detail: map[string]string{"generation": strconv.Itoa(next.Generation())}})
	if err != nil {
		return err
	}
	d.keys.useSite(next)
	return nil
}

// retireSite gives a generation up that guards no slot any more.
func (d *Desk) retireSite(ctx context.Context, by string, generation int) error {
	site, now := d.keys.now().Site, d.moment()
	r := provisioning.Renewal{By: by, Act: provisioning.ActKeyRetire, What: RenewSite}
	_, err := d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.RetireGeneration(s, now, r, generation, site.Generation())
	})
	if err != nil {
		return err
	}
	d.keys.useSite(site.without(generation))
	return nil
}
