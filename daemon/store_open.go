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

func openStore(ctx context.Context, p Parts) (*store.Store, error) {
	if err := checkRestored(p.Config); err != nil {
		return nil, err
	}
	return store.Open(ctx, storeOptions(p.Config, p.Keys, p.Clock, p.Fatal))
}
