package main

import (
	"io"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type metricsCmd struct{}

// Run implements the command.
func (metricsCmd) Run(c *cli, out io.Writer) error {
	conf, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	return verifier.NewAdminClient(conf.Admin).Metrics(out)
}
