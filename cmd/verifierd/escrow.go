package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type escrowKeyCmd struct {
	New   escrowNewCmd   `cmd:"" help:"Make an escrow key, on a machine that is offline."`
	Check escrowCheckCmd `cmd:"" help:"Say whether a file is the escrow key of a verifier."`
}

type escrowNewCmd struct {
	File string `arg:"" help:"File for the private half; the public half goes into FILE.pub." type:"path"`
}

// Run implements the command.
func (e escrowNewCmd) Run(out io.Writer) error {
	public, err := verifier.NewEscrowKey(e.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `made the escrow key %s
  private half   %s (secret: it opens every seed; lock it away)
  public half    %s (for verifierd init --escrow-public)
`, feed.KeyID(public), e.File, e.File+verifier.PublicSuffix)
	return nil
}

type escrowCheckCmd struct {
	File   string `arg:"" help:"File with the private half." type:"path"`
	Bundle string `help:"Bundle of the verifier; the one in the configuration by default." type:"existingfile"`
}

// Run implements the command.
func (e escrowCheckCmd) Run(c *cli, out io.Writer) error {
	key, err := verifier.ReadEscrowKey(e.File)
	if err != nil {
		return err
	}
	if e.Bundle == "" {
		conf, err := readConfig(c.Config)
		if err != nil {
			return err
		}
		e.Bundle = filepath.Join(conf.State, verifier.FileBundle)
	}
	bundle, err := readBundle(e.Bundle)
	if err != nil {
		return err
	}
	if err := verifier.CheckEscrow(key, bundle); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is the escrow key %s of verifier %s\n", e.File, feed.KeyID(key.Public()),
		bundle.Name)
	return nil
}

func readBundle(path string) (feed.Bundle, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return feed.Bundle{}, err
	}
	return feed.DecodeBundle(data)
}
