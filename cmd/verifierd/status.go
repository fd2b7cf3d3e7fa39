package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type statusCmd struct{}

// Run implements the command.
func (statusCmd) Run(c *cli, out io.Writer) error {
	return c.withAdmin(func(a verifier.Admin) error {
		s, err := a.Status()
		if err != nil {
			return err
		}
		return printStatus(out, s, time.Now())
	})
}

func printStatus(out io.Writer, s verifier.Status, now time.Time) error {
	fmt.Fprintf(out, "verifier %s\n", s.Name)
	fmt.Fprintf(out, "credentials: %d active, %d waiting, %d suspended, %d revoked\n",
		s.Credentials["active"], s.Credentials["waiting"], s.Credentials["suspended"],
		s.Credentials["revoked"])
	fmt.Fprintf(out, "passcodes: %d live\n", s.Passcodes)
	printLife(out, s)
	fmt.Fprintf(out, "sign-ins since the start: %d accepted, %d refused\n", s.Tally.Accepted,
		s.Tally.Refused)
	printKeys(out, s.Keys, now)
	fmt.Fprintln(out)
	w := table(out, "DESK", "SITE", "POSITION", "BEHIND", "SEEN", "VERDICTS DUE", "STATE")
	for _, d := range s.Desks {
		row(w, d.Desk, d.Site, d.Position, d.Behind, ago(d.Seen, now), d.Verdicts, state(d))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, d := range s.Desks {
		printPast(out, d)
	}
	printAlarms(out, s.Desks)
	return nil
}

// state says the worst first.
func state(d verifier.DeskStatus) string {
	switch {
	case !d.Revoked.IsZero():
		return "revoked " + d.Revoked.UTC().Format(time.RFC3339)
	case d.Alarm.Stands():
		return "ALARM " + d.Alarm.At.UTC().Format(time.RFC3339) + ": " + d.Alarm.What
	case d.Trouble != "":
		return "not followed: " + d.Trouble
	case d.Seen.IsZero():
		return "not seen since the start"
	}
	return "followed" + cleared(d)
}

func ago(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return now.Sub(at).Round(time.Second).String() + " ago"
}

func table(out io.Writer, heads ...string) *tabwriter.Writer {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heads, "\t"))
	return w
}

func row(w io.Writer, cells ...any) {
	line := fmt.Sprintf(strings.Repeat("%v\t", len(cells)), cells...)
	fmt.Fprintln(w, strings.TrimSuffix(line, "\t"))
}
