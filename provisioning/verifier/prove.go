package verifier

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// takeProof holds what a token typed against the seed its desk sealed. The first proof that is in
// step makes the credential active; a later one brings an active credential back in step.
func (t taking) takeProof() error {
	if t.rec.err != nil {
		return t.answer(feed.Unreadable, 0)
	}
	c, known, err := loadCredential(t.tx, t.rec.Credential)
	switch {
	case err != nil:
		return err
	case !known:
		// The seed could not be read: so neither can what was made with it.
		return t.answer(feed.Unreadable, 0)
	case c.Desk != t.desk.Card.Desk, c.State == suspended, c.State == revoked:
		return t.answer(feed.Refused, 0)
	}
	seed, err := seedOf(t.tx, c.ID)
	if err != nil {
		return err
	}
	defer seed.Wipe()
	found, err := judge(seed, c.Digits, c.Next, c.reach(), t.rec.proof.OTPs)
	if err != nil {
		return err
	}
	if found.outcome == feed.InStep {
		if c.State == waiting {
			allowed, err := t.activate(&c)
			if err != nil {
				return err
			}
			if !allowed {
				return t.answer(feed.Refused, 0)
			}
			c.Unsure = false // it never signed in, so this is its counter
		}
		// The token was seen at a counter, so failures before this mean nothing any more.
		c.Next, c.Limit, c.Far = found.next, limit{}, far{}
		c.Unsure = c.Unsure && len(t.rec.proof.OTPs) < 2
		if err := saveCredential(t.tx, c); err != nil {
			return err
		}
	}
	return t.answer(found.outcome, found.offset)
}

// activate takes the user and the token for the credential. A user has one token and a token has
// one user: a second active one is refused, whichever desk it comes from. A suspended one gives way
// for good, since it was reported lost and another is now in the person's hand.
func (t taking) activate(c *credential) (bool, error) {
	if !t.underLimit() {
		return false, nil
	}
	places := []struct {
		table string
		key   []byte
	}{{userTable, t.userKey(c.User)}, {tokenTable, t.tokenKey(c.Vendor, c.Serial)}}
	var former []credential
	for _, place := range places {
		other, taken, err := index(t.tx, place.table, place.key)
		if err != nil {
			return false, err
		}
		if taken && other.State == active {
			return false, nil
		}
		if taken {
			former = append(former, other)
		}
	}
	for _, other := range former {
		if err := t.revoke(other); err != nil {
			return false, err
		}
	}
	for _, place := range places {
		if err := t.tx.Put(place.table, place.key, []byte(c.ID)); err != nil {
			return false, err
		}
	}
	// Whoever has a new device needs no way around it any more.
	if err := endPasscodes(t.tx, t.userKey(c.User), feed.Voided); err != nil {
		return false, err
	}
	c.State, c.Issued = active, t.now
	if t.desk.Bounds.PerHour > 0 {
		t.desk.Issued = append(t.desk.Issued, t.now.Unix())
	}
	return true, nil
}

// underLimit forgets activations older than an hour and counts the rest, by our own clock.
func (t taking) underLimit() bool {
	if t.desk.Bounds.PerHour <= 0 {
		t.desk.Issued = nil
		return true
	}
	since := t.now.Add(-time.Hour).Unix()
	kept := t.desk.Issued[:0]
	for _, at := range t.desk.Issued {
		if at > since {
			kept = append(kept, at)
		}
	}
	t.desk.Issued = kept
	return len(kept) < t.desk.Bounds.PerHour
}
