package daemon

import (
	"context"
	"errors"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
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
	o := storeOptions(p.Config, p.Keys, p.Clock, p.Fatal)
	s, err := store.Open(ctx, o)
	if errors.Is(err, boltfile.ErrWrongKey) && !p.Keys.DeskBeside.IsZero() {
		// The key was being renewed when the last run ended.
		o.Key = p.Keys.DeskBeside
		return store.Open(ctx, o)
	}
	return s, err
}
