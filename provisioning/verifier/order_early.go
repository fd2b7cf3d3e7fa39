package verifier

import (
	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// earlyTable holds credential id -> the orders about it that were taken before it was issued here.
// A desk orders what it heard from the verifier, so this is so only where a verifier was lost: then
// each desk is followed anew, and the one that ordered may come before the one that lent.
const earlyTable = "order.early"

// earlyOrder waits for the credential it is about.
type earlyOrder struct {
	feed.SiteOrder
	Site   string `json:"site"`
	Vendor string `json:"vendor"`
	Serial string `json:"serial"`
}

// about says whether the order names this credential. Of one whose person was erased, only the site
// is known.
func (o earlyOrder) about(c credential) bool {
	named := c.Vendor == o.Vendor && c.Serial == o.Serial || c.Vendor == "" && c.State == revoked
	return c.Site == o.Site && named
}

// early keeps an order until its credential is issued.
func (t taking) early(order earlyOrder) error {
	key := []byte(t.rec.Credential)
	list, _, err := load[[]earlyOrder](t.tx, earlyTable, key)
	if err != nil {
		return err
	}
	return save(t.tx, earlyTable, key, append(list, order))
}

// obeyEarly carries out what was ordered about a credential that is issued now.
func (s *State) obeyEarly(tx *boltfile.Tx, id string) error {
	list, early, err := load[[]earlyOrder](tx, earlyTable, []byte(id))
	if err != nil || !early {
		return err
	}
	for _, order := range list {
		c, _, err := loadCredential(tx, id)
		if err == nil && order.about(c) && !c.obeys(order.Act) {
			err = s.order(tx, c, order.SiteOrder)
		}
		if err != nil {
			return err
		}
	}
	return tx.Delete(earlyTable, []byte(id))
}
