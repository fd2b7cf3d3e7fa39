package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type rebuildCmd struct {
	Begin   rebuildBeginCmd   `cmd:"" help:"Make the new verifier, with new keys."`
	Pull    rebuildPullCmd    `cmd:"" help:"Take in what every trusted desk holds, with the escrow key."`
	Restore rebuildRestoreCmd `cmd:"" help:"Take in a backup instead, and go on with the desks from there."`
	Copy    rebuildCopyCmd    `cmd:"" help:"Say that this state was put back from a copy: no counter in it is sure."`
}

type rebuildBeginCmd struct {
	Dir    string   `help:"Directory to make the verifier in; it must be new or empty." default:"/var/lib/tokendesk-verifier" type:"path"`
	Host   []string `help:"Name or address callers reach the API under; may be repeated." default:"localhost"`
	Bundle string   `required:"" help:"Bundle of the verifier that was lost; every desk has it." type:"existingfile"`
}

// Run implements the command.
func (r rebuildBeginCmd) Run(out io.Writer) error {
	lost, err := readBundle(r.Bundle)
	if err != nil {
		return err
	}
	bundle, err := verifier.BeginRebuild(verifier.Plan{Dir: r.Dir, Hosts: r.Host, Now: time.Now()},
		lost)
	if err != nil {
		return err
	}
	made(out, r.Dir, bundle)
	fmt.Fprintf(out, `
next, with a backup: verifierd rebuild restore FILE --escrow KEY, with the escrow key %s
next, without one:
      1. put %s in the place of the old bundle on every desk, and restart it
      2. trust the card of every desk, as tokendesk card writes it now: verifierd desk trust CARD.
         Not of one that was revoked
      3. verifierd rebuild pull --escrow KEY, with the escrow key %s
      4. add every caller anew, and give it the new certificate of the API
      The verifier does not run before that.
`, feed.KeyID(lost.EscrowKey), filepath.Join(r.Dir, verifier.FileBundle),
		feed.KeyID(lost.EscrowKey))
	return nil
}

type rebuildPullCmd struct {
	Escrow []string `required:"" help:"File with the private half of the escrow key; may be repeated if there was more than one." type:"path"`
}

// Run implements the command.
func (r rebuildPullCmd) Run(ctx context.Context, c *cli, out io.Writer) error {
	var keys []*feed.Opener
	for _, path := range r.Escrow {
		key, err := verifier.ReadEscrowKey(path)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	return c.withState(func(v *verifier.Verifier) error {
		told := func(desk string, err error) {
			fmt.Fprintf(out, "waiting for desk %s, which must have the new bundle: %v\n", desk, err)
		}
		list, err := v.Rebuild(ctx, keys, told)
		if err != nil {
			return err
		}
		status, err := v.Status()
		if err != nil {
			return err
		}
		return printRebuilt(out, list, status)
	})
}

func printRebuilt(out io.Writer, list []verifier.Rebuilt, s verifier.Status) error {
	w := table(out, "DESK", "LEAVES", "RECORDS", "DEAD PASSCODES", "UNREADABLE")
	for _, d := range list {
		row(w, d.Desk, d.Leaves, d.Records, d.Passcodes, d.Unreadable)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, `
rebuilt: %d active, %d waiting, %d suspended, %d revoked
Each token wants two codes in a row before it signs in again. A passcode from before is dead, since
nobody knows how often it was used: issue a new one. Take the escrow key off this machine.
`, s.Credentials["active"], s.Credentials["waiting"], s.Credentials["suspended"],
		s.Credentials["revoked"])
	return nil
}

type rebuildCopyCmd struct{}

// Run implements the command.
func (rebuildCopyCmd) Run(c *cli, out io.Writer) error {
	return c.withState(func(v *verifier.Verifier) error {
		if err := v.Doubt(); err != nil {
			return err
		}
		fmt.Fprintln(out, "each token wants two codes in a row before it signs in again, and every "+
			"passcode is dead; so is what a desk issued until it is followed again")
		return nil
	})
}

// withState works on the state of a verifier that does not run.
func (c *cli) withState(do func(*verifier.Verifier) error) error {
	conf, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	state, err := verifier.Open(conf.State)
	if err != nil {
		return err
	}
	groups, err := verifier.NewMembership(conf.Groups, conf.Administrators, nil)
	if err != nil {
		return errors.Join(err, state.Close())
	}
	v, err := verifier.New(verifier.Config{State: state, Groups: groups})
	if err == nil {
		err = do(v)
	}
	return errors.Join(err, state.Close())
}
