package feedtest

import (
	"context"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Site is a desk's copy of its site's index, by serial.
type Site struct {
	Index  string
	Rev    int64
	Tokens map[string]feed.SiteToken
	TagKey secret.Key
	// Told counts the tellings that brought something.
	Told int
}

// Hear takes what goes on from what the desk has, as a desk does.
func (d *Desk) Hear(_ context.Context, index feed.SiteIndex) (feed.SiteAnswer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	raw := index.TagKey.Expose()
	defer clear(raw)
	d.site.TagKey = secret.NewKey(raw)
	if index.After == 0 {
		d.site = Site{Index: index.Index, TagKey: d.site.TagKey, Tokens: map[string]feed.SiteToken{},
			Told: d.site.Told}
	}
	if index.After == d.site.Rev && index.Index == d.site.Index && !d.deaf {
		d.site.Rev, d.site.Told = index.Rev, d.site.Told+1
		for _, token := range index.Tokens {
			d.site.Tokens[token.Serial] = token
		}
	}
	close(d.acked)
	d.acked = make(chan struct{})
	return feed.SiteAnswer{Index: d.site.Index, Rev: d.site.Rev, Position: int64(len(d.leaves))}, nil
}

// Deafen has the desk take nothing of its site's index, or take it again.
func (d *Desk) Deafen(deaf bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = deaf
}

// AwaitSite waits until the desk's copy is what it waits for.
func (d *Desk) AwaitSite(ctx context.Context, ok func(Site) bool) error {
	return d.Await(ctx, func([]feed.Ack, map[string]feed.Verdict) bool { return ok(d.site) })
}

// Order makes the record of an order about a token that another desk lent.
func (d *Desk) Order(t *Token, act feed.OrderAct) feed.Record {
	rec, err := d.sealer.SealOrder(d.Record(t.Credential), feed.OrderBody{Vendor: "yubikey",
		Serial: t.Serial, Act: act, Officer: "officer of " + d.ID})
	if err != nil {
		panic("seal an order: " + err.Error())
	}
	return rec
}
