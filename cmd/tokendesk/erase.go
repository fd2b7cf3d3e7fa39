package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
)

type eraseCmd struct {
	Person string `arg:"" help:"The person's number, as the directory has it."`
	Reason string `required:"" help:"Why, for the log; it must not name the person."`
}

// Run implements the command. What it prints does not name the person either.
func (e eraseCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	done, err := client.Erase(ctx, daemon.EraseOrder{Person: e.Person, Reason: e.Reason})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, `The person is erased, as %s.
Of %d records in the feed only the hashes are left; the log still verifies.
The file was written anew in %s: %d bytes, %d before.
The verifier forgets the same with its next pull: tokendesk erasures says when it has.
Backups made before keep what they hold until they expire.
`, done.ID, done.Records, done.Took.Round(time.Millisecond), done.After, done.Before)
	return err
}

type erasuresCmd struct{}

// Run implements the command.
func (erasuresCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	rows, err := client.Erasures(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ERASURE\tAT\tVERIFIER\tFILE")
	for _, row := range rows {
		told, gone := "not told yet", "to be written anew"
		switch {
		case row.Refused:
			told = "refused it: verifierd erase USER"
		case row.Told:
			told = "has it"
		}
		if row.Gone {
			gone = "written anew"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", row.ID, row.At.Format(time.RFC3339), told, gone)
	}
	return table.Flush()
}
