package visit

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The key of the site's tags is kept in Runner.tagKey and nowhere else: until the verifier has
// called for the first time since the start, nobody's tag is known here.

// Hear takes what the verifier tells of the desks of this site, and says how far this desk is.
func (r *Runner) Hear(ctx context.Context, index feed.SiteIndex) (feed.SiteAnswer, error) {
	r.keepTagKey(index)
	if index.After >= 0 {
		if err := r.hear(ctx, index); err != nil {
			return feed.SiteAnswer{}, fmt.Errorf("hear of the site: %w", err)
		}
	}
	s := r.ledger.Snapshot()
	had, _ := provisioning.Get[provisioning.SiteHeard](s, provisioning.SiteHeard{}.Key())
	return feed.SiteAnswer{Index: had.Index, Rev: had.Rev, Position: s.Position()}, nil
}

// hear obeys what was ordered about this desk's own tokens, each in a change of its own, and then
// takes the index. An order that comes before its loan is taken with the next telling.
func (r *Runner) hear(ctx context.Context, index feed.SiteIndex) error {
	for _, told := range index.Tokens {
		early := false
		_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
			change, hearing := provisioning.HearOrder(s, r.now(), told)
			early = hearing == provisioning.HeardEarly
			return change, hearing == provisioning.HeardNow
		})
		if err != nil || early {
			return err
		}
	}
	_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.HearSite(s, r.now(), index)
	})
	return err
}

func (r *Runner) keepTagKey(index feed.SiteIndex) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tagKey.Wipe()
	raw := index.TagKey.Expose()
	defer clear(raw)
	r.tagKey = secret.NewKey(raw)
}

// tagOf is the tag of a visit's person; empty while nobody's is known.
func (r *Runner) tagOf(id provisioning.VisitID) string {
	s := r.ledger.Snapshot()
	v, _ := provisioning.Get[provisioning.Visit](s, string(id))
	person, _ := provisioning.Get[provisioning.Person](s, string(v.Person))
	return r.tag(person.Account)
}

func (r *Runner) tag(account string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if account == "" || r.tagKey.IsZero() {
		return ""
	}
	return feed.Tag(r.tagKey, account)
}

// orderElsewhere seals the order and has the rules decide.
func (r *Runner) orderElsewhere(
	ctx context.Context, o provisioning.Order, c provisioning.OrderElsewhere,
) (done, error) {
	s := r.ledger.Snapshot()
	c.Generation = r.generation()
	if t, lent := provisioning.LentElsewhere(s, c.Token); lent {
		officer, _ := provisioning.Get[provisioning.Officer](s, string(o.By))
		vendor, serial, _ := strings.Cut(string(c.Token), "/")
		var err error
		c.Record, err = r.sealer.SealOrder(r.record(feed.KindOrder, t.Credential, r.now()),
			feed.OrderBody{Vendor: vendor, Serial: serial, Act: c.Act,
				Officer: short(cmp.Or(officer.Name, string(o.By)))})
		if err != nil {
			return done{visit: o.Visit}, fmt.Errorf("seal an order: %w", err)
		}
	}
	o.Command = c
	return r.decide(ctx, o)
}

// short cuts a name to what an order holds, between letters.
func short(name string) string {
	for len(name) > feed.MaxOfficer {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return name
}
