package daemon

import (
	"context"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// actorVerifier is who a bundle that came over the feed is from.
const actorVerifier = "verifier"

// renewals is the desk as the feed's server sees it: keys that change, made durable first.
type renewals struct {
	*keyring
	desk *Desk
}

var _ publish.Renewals = renewals{}

// TakeBundle implements publish.Renewals.
func (r renewals) TakeBundle(ctx context.Context, b feed.Bundle) (int64, error) {
	return r.desk.takeBundle(ctx, actorVerifier, b)
}

// takeBundle makes another bundle the desk's, and uses it once that is durable.
func (d *Desk) takeBundle(ctx context.Context, by string, b feed.Bundle) (int64, error) {
	if b.Fingerprint() == d.keys.Bundle().Fingerprint() {
		return d.store.Head(), nil
	}
	text, err := b.Encode()
	if err != nil {
		return 0, err
	}
	file, err := readBundle(d.parts.Config.Verifier)
	if err != nil {
		return 0, err
	}
	now := d.moment()
	row := provisioning.HeldBundle{Text: string(text), Over: file.Fingerprint(), Since: now.At}
	position, err := d.store.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Renew(now, provisioning.Renewal{By: by, Act: provisioning.ActBundleTake,
			What: "bundle", Detail: bundleFacts(b)}, row), nil
	})
	if err != nil {
		return 0, err
	}
	d.log.Info("another bundle of the verifier is in force", "by", by,
		"sealing_key", feed.KeyID(b.VerifierKey))
	return position, d.keys.useBundle(b)
}

func bundleFacts(b feed.Bundle) map[string]string {
	return map[string]string{"verifier": b.Name, "sealing_key": feed.KeyID(b.VerifierKey),
		"escrow_key": feed.KeyID(b.EscrowKey), "fingerprint": b.Fingerprint()}
}

// bundleInForce is the one that reached the desk last: over the feed, or as a file that an operator
// put into place since.
func (d *Desk) bundleInForce(ctx context.Context) (feed.Bundle, error) {
	file, err := readBundle(d.parts.Config.Verifier)
	if err != nil {
		return feed.Bundle{}, err
	}
	row, held := provisioning.Get[provisioning.HeldBundle](d.store.Snapshot(),
		provisioning.HeldBundle{}.Key())
	if !held {
		return file, nil
	}
	if row.Over == file.Fingerprint() {
		return feed.DecodeBundle([]byte(row.Text))
	}
	row.Dropped = true
	now := d.moment()
	_, err = d.store.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Renew(now, provisioning.Renewal{By: "desk", Act: provisioning.ActBundleTake,
			What: "file", Detail: bundleFacts(file)}, row), nil
	})
	return file, err
}

// moment is now, for the rules.
func (d *Desk) moment() provisioning.Now {
	at, synced := d.clock()
	return provisioning.Now{Desk: provisioning.DeskID(d.parts.Config.Desk), At: at, Synced: synced}
}

// card is the desk's public half as it is now.
func (d *Desk) card() (feed.DeskCard, error) {
	keys := d.keys.now()
	leaf, err := feedLeaf(keys.Feed)
	if err != nil {
		return feed.DeskCard{}, err
	}
	c := feed.DeskCard{Version: feed.Version, Desk: d.parts.Config.Desk, Site: d.parts.Site.ID,
		FeedURL: d.parts.Config.FeedURL, LogKey: keys.LogKey, TLSPin: feed.Pin(leaf),
		NextLogKey: keys.LogKeyBeside}
	if len(keys.FeedBeside.Certificate) > 0 {
		beside, err := feedLeaf(keys.FeedBeside)
		if err != nil {
			return feed.DeskCard{}, err
		}
		c.NextTLSPin = feed.Pin(beside)
	}
	return c, nil
}
