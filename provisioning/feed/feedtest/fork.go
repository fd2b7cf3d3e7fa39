package feedtest

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Fork is another history of the same feed, signed with the same key: the first size leaves are
// common. Fork(0) is a store that was emptied.
func (d *Desk) Fork(size int64) *Desk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &Desk{ID: d.ID, Site: d.Site, Feed: d.Feed, LogKey: d.LogKey, signer: d.signer,
		sealer: d.sealer, leaves: slices.Clone(d.leaves[:size]),
		hashes:  slices.Clone(d.hashes[:tlog.StoredHashCount(size)]),
		changed: make(chan struct{}), acked: make(chan struct{}),
		verdicts: map[string]feed.Verdict{}}
}
