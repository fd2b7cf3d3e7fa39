package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
)

type statusCmd struct{}

// Run implements the command.
func (statusCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	seen := "never"
	if !s.VerifierSeen.IsZero() {
		seen = s.VerifierSeen.Format(time.RFC3339)
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	restored := ""
	if s.Epoch > 0 {
		restored = fmt.Sprintf(", restored (%d)", s.Epoch)
	}
	fmt.Fprintf(table, "desk\t%s of %s, feed %s%s\n", s.Desk, s.Site, s.Feed, restored)
	if s.Standing != "" {
		fmt.Fprintf(table, "STOPPED\t%s\n", s.Standing)
	}
	fmt.Fprintf(table, "verifier\t%s, last seen %s, %d of %d acknowledged\n", up(s.VerifierUp), seen,
		s.Acked, s.Position)
	fmt.Fprintf(table, "directory\t%s\n", up(s.DirectoryUp))
	fmt.Fprintf(table, "clock\t%s\n", map[bool]string{true: "synchronised",
		false: "NOT synchronised: no due dates are made"}[s.ClockSynced])
	fmt.Fprintf(table, "tokens\t%d known, %d on loan\n", s.Tokens, s.OpenLoans)
	fmt.Fprintf(table, "passcodes\t%d live\n", s.Passcodes)
	fmt.Fprintf(table, "doubtful\t%d\n", len(s.Doubtful))
	if s.Printer != "" {
		fmt.Fprintf(table, "printer\t%s\n", s.Printer)
	}
	for _, reader := range s.Readers {
		fmt.Fprintf(table, "reader\t%s\n", readerLine(reader))
	}
	if len(s.Readers) == 0 {
		fmt.Fprintln(table, "reader\tnone: numbers are typed")
	}
	fmt.Fprintf(table, "backup\t%s\n", backupLine(s.Backup))
	fmt.Fprintf(table, "notices\t%d waiting, %d given up\n", s.NoticesWaiting, s.NoticesDead)
	fmt.Fprintf(table, "requests\t%d by mail\n", s.Requests)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, serial := range s.Doubtful {
		fmt.Fprintf(t.out, "  token %s: plug it in and write it anew, or set it aside\n", serial)
	}
	_, err = fmt.Fprintf(t.out, "\n%s", s.Checkpoint)
	return err
}

// readerLine says how a reader is, and which of its scans came to nothing.
func readerLine(r daemon.ReaderRow) string {
	line := r.Name + ", " + up(r.Up)
	if r.Why != "" {
		line += ": " + r.Why
	}
	for _, why := range slices.Sorted(maps.Keys(r.Dropped)) {
		line += fmt.Sprintf("; %d dropped: %s", r.Dropped[why], why)
	}
	return line
}

func up(ok bool) string {
	if ok {
		return "up"
	}
	return "DOWN"
}
