package verifier

import (
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
		return t.refuse(refusal{reason: feed.ReasonOver})
	case c.State == active && t.doubted():
		return t.raise(c)
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
			no, err := t.activate(&c)
			if err != nil {
				return err
			}
			if no != nil {
				return t.refuse(*no)
			}
			// It never signed in, so this is its counter: unless it did at a verifier that was lost.
			c.Unsure = t.doubted()
		}
		// The token was seen at a counter, so failures before this mean nothing any more.
		fresh := c.Issued.Equal(t.now)
		c.Next, c.Limit, c.Far = found.next, limit{}, far{}
		c.Unsure = c.Unsure && (t.doubted() || len(t.rec.proof.OTPs) < 2)
		keep := saveCredential
		if fresh {
			keep = t.moved
		}
		if err := keep(t.tx, c); err != nil {
			return err
		}
		if fresh {
			if err := t.obeyEarly(t.tx, c.ID); err != nil {
				return err
			}
		}
	}
	return t.answer(found.outcome, found.offset)
}

// activate takes the user and the token for the credential. A user has one token and a token has
// one user: a second active one is refused, whichever desk it comes from. A suspended one gives way
// for good, since it was reported lost and another is now in the person's hand.
func (t taking) activate(c *credential) (*refusal, error) {
	if !t.underLimit() {
		return &refusal{reason: feed.ReasonTooMany}, nil
	}
	places := []struct {
		table string
		key   []byte
		taken feed.Reason
	}{{userTable, t.userKey(c.User), feed.ReasonLent},
		{tokenTable, t.tokenKey(c.Vendor, c.Serial), feed.ReasonTaken}}
	var former []credential
	for _, place := range places {
		other, taken, err := index(t.tx, place.table, place.key)
		if err != nil {
			return nil, err
		}
		if taken && other.State == active {
			return &refusal{place.taken, other.Desk}, nil
		}
		if taken {
			former = append(former, other)
		}
	}
	for _, other := range former {
		if err := t.revoke(t.gaveWay(other)); err != nil {
			return nil, err
		}
	}
	for _, place := range places {
		if err := t.tx.Put(place.table, place.key, []byte(c.ID)); err != nil {
			return nil, err
		}
	}
	// Whoever has a new device needs no way around it any more.
	if err := endPasscodes(t.tx, t.userKey(c.User), feed.Voided); err != nil {
		return nil, err
	}
	c.State, c.Issued = active, t.now
	t.issued()
	return nil, nil
}
