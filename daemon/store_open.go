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

// openStore opens the store with the desk's key, or with the one beside it: the key was being
// renewed when the last run ended. It returns the keys with the one that opens it first. commit
// stands around each commit, fail hears of one that failed.
func openStore(ctx context.Context, p Parts, commit func(func() error) error,
	fail func(error)) (*store.Store, Keys, error) {
	if err := checkRestored(p.Config); err != nil {
		return nil, p.Keys, err
	}
	o := storeOptions(p.Config, p.Keys, p.Clock, fail)
	o.Commit = commit
	s, err := store.Open(ctx, o)
	if errors.Is(err, boltfile.ErrWrongKey) && !p.Keys.DeskBeside.IsZero() {
		p.Keys.Desk, p.Keys.DeskBeside = p.Keys.DeskBeside, p.Keys.Desk
		o.Key = p.Keys.Desk
		s, err = store.Open(ctx, o)
	}
	return s, p.Keys, err
}
