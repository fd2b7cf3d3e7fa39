package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type initCmd struct {
	Dir    string   `help:"Directory to make the verifier in; it must be new or empty." default:"/var/lib/tokendesk-verifier" type:"path"`
	Name   string   `help:"Name of the verifier, for people." default:"verifier"`
	Host   []string `help:"Name or address callers reach the API under; may be repeated." default:"localhost"`
	Escrow string   `help:"File for the offline escrow key." default:"escrow.key" type:"path"`

	EscrowPublic string `help:"Public half of an escrow key made offline by verifierd escrow-key new; none is made here then." type:"existingfile"`
}

// Run implements the command.
func (i initCmd) Run(out io.Writer) error {
	plan := verifier.Plan{Dir: i.Dir, Name: i.Name, Hosts: i.Host, Escrow: i.Escrow, Now: time.Now()}
	if i.EscrowPublic != "" {
		var err error
		if plan.EscrowKey, err = verifier.ReadEscrowPublic(i.EscrowPublic); err != nil {
			return err
		}
	}
	bundle, err := verifier.Init(plan)
	if err != nil {
		return err
	}
	made(out, i.Dir, bundle)
	if plan.EscrowKey != nil {
		fmt.Fprintln(out, `
next: give the bundle to tokendesk init on each desk. The account that runs verifierd must own the
      directory.`)
		return nil
	}
	fmt.Fprintf(out, `
next: take %s off this machine and lock it away: it is the
      only way to rebuild a verifier, and it opens every seed. Give the bundle to tokendesk init on
      each desk. The account that runs verifierd must own the directory.
`, i.Escrow)
	return nil
}

// made says what a new verifier is.
func made(out io.Writer, dir string, bundle feed.Bundle) {
	fmt.Fprintf(out, `made a verifier in %s
  bundle for the desks      %s (public)
  certificate of the API    %s (public)
  verifier key              %s
  escrow key                %s
`, dir, filepath.Join(dir, verifier.FileBundle), filepath.Join(dir, verifier.FileAPICert),
		feed.KeyID(bundle.VerifierKey), feed.KeyID(bundle.EscrowKey))
}
