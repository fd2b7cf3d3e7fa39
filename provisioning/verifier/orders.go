package verifier

import (
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// ordered is the last order that changed a credential and did not come from its own desk.
type ordered struct {
	feed.SiteOrder
	// Heard is how many leaves the credential's own desk had when it confirmed the order; 0 before.
	// What that desk published earlier, it published without knowing.
	Heard int64 `json:"heard,omitempty"`
}

// takeOrder arbitrates what a desk orders about a token of its site. The first order wins; what
// adds nothing to it is answered as being in force already. Whatever holds a desk back otherwise,
// its orders only ever take something out of use.
func (t taking) takeOrder() error {
	if t.rec.err != nil {
		return t.answer(feed.Unreadable, 0)
	}
	body := t.rec.order
	c, known, err := loadCredential(t.tx, t.rec.Credential)
	if err != nil {
		return err
	}
	// Of one whose person was erased, only the site is known.
	named := c.Vendor == body.Vendor && c.Serial == body.Serial || c.Vendor == "" && c.State == revoked
	ours := known && c.Site == t.desk.Card.Site && named && c.State != waiting
	if !ours {
		return t.refuse(refusal{reason: feed.ReasonUnknown})
	}
	if c.State == revoked || c.State == suspended && body.Act == feed.OrderSuspend {
		return saveVerdict(t.tx, t.desk.Card.Desk, feed.Verdict{Record: t.rec.ID,
			Credential: c.ID, Outcome: feed.InStep, Reason: feed.ReasonAlready, Desk: c.Desk})
	}
	c.Ordered = ordered{SiteOrder: feed.SiteOrder{ID: t.rec.ID, Act: body.Act,
		Desk: t.desk.Card.Desk, Officer: body.Officer, At: t.rec.At}}
	if body.Act == feed.OrderSuspend {
		c.State = suspended
		err = t.moved(t.tx, c)
	} else {
		err = t.revoke(c)
	}
	if err != nil {
		return err
	}
	return t.answer(feed.InStep, 0)
}

// gaveWay notes on a credential that another of the same user or token took its place.
func (t taking) gaveWay(c credential) credential {
	if c.Desk != t.desk.Card.Desk {
		c.Ordered = ordered{SiteOrder: feed.SiteOrder{ID: t.rec.ID, Act: feed.OrderRevoke,
			Desk: t.desk.Card.Desk, At: t.rec.At}}
	}
	return c
}

// resume lifts a suspension by the order of the desk that lent the token. What another desk ordered
// it lifts only in the knowledge of that order; otherwise it is told once more, under a new name.
func (t taking) resume(c credential) error {
	if c.State != suspended || c.Held {
		return nil
	}
	if c.Ordered.ID != "" && (c.Ordered.Heard == 0 || t.rec.position < c.Ordered.Heard) {
		c.Ordered.ID, c.Ordered.Heard = t.rec.ID, 0
		return t.moved(t.tx, c)
	}
	c.State, c.Ordered = waiting, ordered{}
	if !c.Issued.IsZero() {
		c.State = active
	}
	return t.moved(t.tx, c)
}

// heard notes that a desk knows what was ordered about its own credentials.
func heard(tx *boltfile.Tx, desk string, tokens []feed.SiteToken, position int64) error {
	for _, token := range tokens {
		if token.Desk != desk || token.Order.ID == "" {
			continue
		}
		c, known, err := loadCredential(tx, token.Credential)
		if err != nil {
			return err
		}
		if !known || c.Ordered.ID != token.Order.ID || c.Ordered.Heard != 0 {
			continue
		}
		c.Ordered.Heard = max(position, 1)
		if err := saveCredential(tx, c); err != nil {
			return err
		}
	}
	return nil
}

// heldNow suspends a credential in an operator's name.
func (c credential) heldNow(at time.Time) credential {
	c.State, c.Held, c.Ordered = suspended, true, ordered{SiteOrder: feed.SiteOrder{At: at}}
	return c
}
