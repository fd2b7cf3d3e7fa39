package main

import (
	"fmt"

	"github.com/tokendesk/tokendesk/daemon"
)

type initCmd struct {
	Verifier string `required:"" type:"existingfile" help:"The public bundle that verifierd init made."`
	Card     string `required:"" type:"path" help:"Where to write this desk's public card for the verifier."`
}

// Run implements the command.
func (i initCmd) Run(c *cli, t terminal) error {
	config, err := daemon.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	made, err := daemon.Init(config, i.Verifier, i.Card)
	if err != nil {
		return err
	}
	for _, line := range made {
		fmt.Fprintln(t.out, line)
	}
	return nil
}
