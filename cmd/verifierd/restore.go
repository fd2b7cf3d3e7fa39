package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type acceptCmd struct {
	Card string `arg:"" type:"existingfile" help:"The card that tokendesk restore made."`
	Yes  bool   `help:"Accept it. Without this, only what it would mean is said."`
}

// Run implements the command.
func (a acceptCmd) Run(c *cli, out io.Writer) error {
	data, err := os.ReadFile(a.Card)
	if err != nil {
		return err
	}
	card, err := feed.DecodeRestoreCard(data)
	if err != nil {
		return err
	}
	return c.withAdmin(func(admin verifier.Admin) error {
		done, err := admin.AcceptRestore(card, a.Yes)
		if err != nil {
			return err
		}
		printAcceptance(out, done)
		return nil
	})
}

func printAcceptance(out io.Writer, a verifier.Acceptance) {
	fmt.Fprintf(out, "desk %s was restored from a backup of its log up to %d (restore number %d)\n",
		a.Desk, a.Backup, a.Epoch)
	fmt.Fprintf(out, "  old feed %s at %s, followed to %d\n", a.OldFeed, a.OldURL, a.Followed)
	fmt.Fprintf(out, "  new feed %s at %s\n", a.NewFeed, a.NewURL)
	if a.Accepted {
		fmt.Fprintf(out, "accepted: the new feed is followed, and whoever serves the old one is refused "+
			"and told so\n")
		return
	}
	if !a.Revoked.IsZero() {
		fmt.Fprintf(out, "  the desk was revoked %s: the new feed will not be; what is suspended stays "+
			"so\n", a.Revoked.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(out, "  %d tokens and passcodes were published after the backup: the desk will be "+
		"told of them\n", a.Since)
	fmt.Fprintf(out, "  refused from then on: the old feed, with its log key and its certificate\n"+
		"nothing was changed; run it again with --yes to accept\n")
}

// printPast says what became of the copies of a desk.
func printPast(out io.Writer, d verifier.DeskStatus) {
	when := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	if d.Copies != "" {
		fmt.Fprintf(out, "desk %s: %s\n", d.Desk, d.Copies)
	}
	if !d.Restored.IsZero() && d.ToldRows.IsZero() {
		fmt.Fprintf(out, "desk %s: a restore was accepted %s; it has yet to be told what was issued\n",
			d.Desk, when(d.Restored))
	}
	for _, old := range d.Replaced {
		if old.Seen.IsZero() {
			continue
		}
		line := "was told to stop " + when(old.Told)
		if old.Told.IsZero() {
			line = "could not be told to stop"
		}
		fmt.Fprintf(out, "desk %s: ALARM %s: a copy with the replaced feed %s answers at %s (%s); it is "+
			"refused, and %s\n", d.Desk, when(old.Seen), old.Feed, old.URL, old.Instance, line)
	}
}
