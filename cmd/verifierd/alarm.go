package main

import (
	"fmt"
	"io"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type clearAlarmCmd struct {
	Desk   string `arg:"" help:"Id of the desk."`
	Reason string `required:"" help:"Why the desk may be followed again; it is kept beside the alarm."`
}

// Run implements the command.
func (a clearAlarmCmd) Run(c *cli, out io.Writer) error {
	return c.withAdmin(func(admin verifier.Admin) error {
		was, err := admin.ClearAlarm(a.Desk, a.Reason)
		if err == nil {
			fmt.Fprintf(out, "the alarm %s of desk %s is cleared; it is followed from position %d on\n",
				was.Kind, a.Desk, was.Position)
		}
		return err
	})
}

// printAlarms says of each alarm what it means and what an operator can do.
func printAlarms(out io.Writer, desks []verifier.DeskStatus) {
	for _, d := range desks {
		if d.Alarm.Stands() {
			fmt.Fprintf(out, `
ALARM at desk %[1]s since %[2]s, after %[3]d leaves (%[4]s):
  %[5]s.
  Nothing the desk sends is used until you act: no new token, and no report of a lost one.
  What it issued before still works. Find out what happened, then one of
    verifierd desk revoke %[1]s --since TIME       suspends and lists what it issued since
    verifierd desk clear-alarm %[1]s --reason TEXT follows it again from where it was left
`, d.Desk, d.Alarm.At.UTC().Format(time.RFC3339), d.Alarm.Position, d.Alarm.Kind, d.Alarm.What)
		}
	}
}

// cleared says which alarm of a desk an operator ended.
func cleared(d verifier.DeskStatus) string {
	if !d.Cleared.Stands() {
		return ""
	}
	return fmt.Sprintf(" (alarm %s cleared %s: %s)", d.Cleared.Kind,
		d.Cleared.Cleared.UTC().Format(time.RFC3339), d.Cleared.Reason)
}
