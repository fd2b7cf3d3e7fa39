package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
	"github.com/tokendesk/tokendesk/systemd"
)

type runCmd struct{}

// Run implements the command.
func (runCmd) Run(ctx context.Context, c *cli) error {
	// The admin socket belongs to this account alone from the moment it is made.
	syscall.Umask(0o077)
	if err := systemd.NoDump(); err != nil {
		return err
	}
	conf, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	log := systemd.Logger(os.Stderr)
	groups, err := verifier.NewMembership(conf.Groups, conf.Administrators, log)
	if err != nil {
		return err
	}
	state, err := verifier.Open(conf.State)
	if err != nil {
		tell(log, err)
		return err
	}
	v, err := verifier.New(verifier.Config{State: state, Groups: groups, Log: log})
	if err == nil {
		err = serve(ctx, v, conf)
	}
	tell(log, err)
	return errors.Join(err, state.Close())
}

// serve opens the listeners, tells systemd, and runs every part until one fails or ctx is done.
func serve(ctx context.Context, v *verifier.Verifier, conf config) error {
	api, err := apiListener(conf.Listen)
	if err != nil {
		return err
	}
	admin, err := adminListener(conf.Admin)
	if err != nil {
		return errors.Join(err, api.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return v.Run(ctx) })
	group.Go(func() error { return v.Serve(ctx, api) })
	group.Go(func() error { return v.ServeAdmin(ctx, admin) })
	group.Go(func() error { return systemd.Watchdog(ctx, v.Alive) })
	group.Go(func() error {
		if err := systemd.Ready(); err != nil {
			return err
		}
		<-ctx.Done()
		return systemd.Stopping()
	})
	return group.Wait()
}

// apiListener takes the socket systemd passed, or opens the configured one.
func apiListener(address string) (net.Listener, error) {
	passed, err := systemd.Listeners()
	if err != nil {
		return nil, err
	}
	if listener := passed["verifier"]; listener != nil {
		return listener, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for callers: %w", err)
	}
	return listener, nil
}

// adminListener replaces a socket nobody answers on any more, and nothing else.
func adminListener(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replace the admin socket: %w", err)
		}
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("guard the admin socket: %w", err), listener.Close())
	}
	return listener, nil
}
