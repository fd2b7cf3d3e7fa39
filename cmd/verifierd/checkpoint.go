package main

import (
	"io"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type checkpointCmd struct {
	Desk string `arg:"" help:"Id of the desk."`
}

// Run implements the command.
func (c checkpointCmd) Run(cli *cli, out io.Writer) error {
	return cli.withAdmin(func(a verifier.Admin) error {
		signed, err := a.Checkpoint(c.Desk)
		if err != nil {
			return err
		}
		_, err = out.Write(signed)
		return err
	})
}
