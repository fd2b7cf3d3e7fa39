package daemon

import (
	"context"

	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
)

func storeOptions(c Config, k Keys, clock Clock, fatal func(error)) store.Options {
	return store.Options{Path: c.file(), Key: k.Desk, Desk: provisioning.DeskID(c.Desk), Signer: k.Log,
		Clock: clock.Now, Fatal: fatal}
}

func createStore(c Config, k Keys) error {
	return store.Create(storeOptions(c, k, SystemClock{}, nil))
}

// openStore opens the store; commit stands around each commit, fail hears of one that failed.
func openStore(ctx context.Context, p Parts, commit func(func() error) error,
	fail func(error)) (*store.Store, error) {
	options := storeOptions(p.Config, p.Keys, p.Clock, fail)
	options.Commit = commit
	return store.Open(ctx, options)
}
