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

// openStore opens the store; timed stands around each commit.
func openStore(ctx context.Context, p Parts, timed func(func() error) error) (*store.Store, error) {
	if err := checkRestored(p.Config); err != nil {
		return nil, err
	}
	options := storeOptions(p.Config, p.Keys, p.Clock, p.Fatal)
	options.Commit = timed
	return store.Open(ctx, options)
}
