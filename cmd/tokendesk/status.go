package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/systemd"
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
	fmt.Fprintf(table, "tasks\t%d to see to at the screen\n", s.Tasks)
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
	fmt.Fprintf(table, "keys\t%s\n", keysLine(c, s))
	for _, e := range s.Ends {
		fmt.Fprintf(table, "certificate\t%s\n", endLine(e))
	}
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

// endLine says when a certificate ends, what to do, and what stops once it has.
func endLine(e daemon.EndRow) string {
	if e.Over {
		return fmt.Sprintf("%s ENDED on %s: %s; %s", e.What, e.Ends.UTC().Format(time.DateOnly),
			e.Stops, e.Renew)
	}
	return fmt.Sprintf("%s ends on %s: %s", e.What, e.Ends.UTC().Format(time.DateOnly), e.Renew)
}

// keysLine says what keeps the keys from a thief of the disk. The daemon cannot see plain files
// that were left behind; whoever asks here can.
func keysLine(c *cli, s daemon.Status) string {
	line := s.Protection.Sentence()
	if s.Protection == systemd.ProtectionFile {
		return line
	}
	if config, err := daemon.ReadConfig(c.Config); err == nil {
		if left := config.PlainKeys(); len(left) > 0 {
			line += "; BUT plain copies lie in " + config.Credentials + ": " + strings.Join(left, ", ") +
				": put them with the recovery kit and remove them here"
		}
	}
	return line
}
