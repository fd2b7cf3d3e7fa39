package visit

import (
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

func (v *vault) SealOrder(r feed.Record, b feed.OrderBody) (feed.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Sealed = []byte("sealed")
	v.orders, v.records = append(v.orders, b), append(v.records, r)
	return r, nil
}
