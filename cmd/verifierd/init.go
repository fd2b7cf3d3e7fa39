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
}

// Run implements the command.
func (i initCmd) Run(out io.Writer) error {
	bundle, err := verifier.Init(verifier.Plan{Dir: i.Dir, Name: i.Name, Hosts: i.Host,
		Escrow: i.Escrow, Now: time.Now()})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `made a verifier in %s
  bundle for the desks      %s (public)
  certificate of the API    %s (public)
  verifier key              %s
  escrow key                %s

next: take %s off this machine and lock it away: it is the
      only way to rebuild a verifier, and it opens every seed. Give the bundle to tokendesk init on
      each desk. The account that runs verifierd must own the directory.
`, i.Dir, filepath.Join(i.Dir, verifier.FileBundle), filepath.Join(i.Dir, verifier.FileAPICert),
		feed.KeyID(bundle.VerifierKey), feed.KeyID(bundle.EscrowKey), i.Escrow)
	return nil
}
