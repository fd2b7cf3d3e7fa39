package main

import "context"

type metricsCmd struct{}

// Run implements the command.
func (metricsCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return client.Metrics(ctx, t.out)
}
