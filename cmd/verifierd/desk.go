package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type deskCmd struct {
	Trust  trustCmd  `cmd:"" aliases:"add" help:"Pin a desk's card and follow it."`
	Bounds boundsCmd `cmd:"" help:"Change what a desk may do; its card stays."`
	List   listCmd   `cmd:"" help:"Which desks are trusted, and what each may do."`
	Revoke revokeCmd `cmd:"" help:"Refuse what a desk sends, and suspend and list what it issued."`
	Accept acceptCmd `cmd:"" name:"accept-restore" help:"Let a desk restored from a backup go on, and refuse the one it was."`

	ClearAlarm clearAlarmCmd `cmd:"" help:"Follow a desk again after an alarm."`
	Checkpoint checkpointCmd `cmd:"" help:"Print the newest note a desk signed of its log, for tokendesk audit verify."`
}

type trustCmd struct {
	Card    string   `arg:"" type:"existingfile" help:"The card that tokendesk init made; once the desk has renewed a key, a new one by tokendesk card."`
	Site    []string `help:"Site the desk may issue for; may be repeated. The card's own by default."`
	Users   []string `help:"Prefix of the sign-in names the desk may bind; may be repeated. Any by default."`
	Group   []string `help:"Group whose users the desk may bind; may be repeated. Any but administrators by default."`
	PerHour int      `help:"Most tokens and passcodes the desk may issue within an hour; 0 is no limit." default:"120"`
	NewFeed bool     `help:"Accept that the desk begins a new feed: it was restored, or made anew."`
}

// Run implements the command.
func (t trustCmd) Run(c *cli, out io.Writer) error {
	data, err := os.ReadFile(t.Card)
	if err != nil {
		return err
	}
	card, err := feed.DecodeDeskCard(data)
	if err != nil {
		return err
	}
	bounds := verifier.Bounds{Sites: t.Site, Users: t.Users, Groups: t.Group,
		PerHour: t.PerHour}
	if len(bounds.Sites) == 0 {
		bounds.Sites = []string{card.Site}
	}
	err = c.withAdmin(func(a verifier.Admin) error { return a.Trust(card, bounds, t.NewFeed) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "desk %s is trusted: feed %s, log key %s\n", card.Desk, card.FeedURL,
		card.LogKey)
	return nil
}

type listCmd struct{}

// Run implements the command.
func (listCmd) Run(c *cli, out io.Writer) error {
	return c.withAdmin(func(a verifier.Admin) error {
		s, err := a.Status()
		if err != nil {
			return err
		}
		return listDesks(out, s.Desks...)
	})
}

func listDesks(out io.Writer, desks ...verifier.DeskStatus) error {
	w := table(out, "DESK", "SITES", "USERS", "GROUPS", "AN HOUR", "STATE")
	for _, d := range desks {
		row(w, d.Desk, listed(d.Bounds.Sites, unbounded), listed(d.Bounds.Users, unbounded),
			listed(d.Bounds.Groups, "any but "+verifier.GroupAdministrators), anHour(d.Bounds),
			trusted(d))
	}
	return w.Flush()
}

// listed is a list in one cell; an empty one bounds nothing.
func listed(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ",")
}

func anHour(b verifier.Bounds) string {
	if b.PerHour <= 0 {
		return unbounded
	}
	return strconv.Itoa(b.PerHour)
}

func trusted(d verifier.DeskStatus) string {
	if d.Revoked.IsZero() {
		return "trusted"
	}
	return "revoked " + d.Revoked.UTC().Format(time.RFC3339)
}

type revokeCmd struct {
	Desk  string    `arg:"" help:"Id of the desk."`
	Since time.Time `required:"" help:"Suspend what it issued since this time (RFC 3339)."`
}

// Run implements the command.
func (r revokeCmd) Run(c *cli, out io.Writer) error {
	return c.withAdmin(func(a verifier.Admin) error {
		list, err := a.RevokeDesk(r.Desk, r.Since)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "desk %s is revoked; %d credentials are suspended\n", r.Desk, len(list))
		w := table(out, "USER", "TOKEN", "ISSUED")
		for _, s := range list {
			row(w, s.User, s.Vendor+"/"+s.Serial, s.Issued.UTC().Format(time.RFC3339))
		}
		return w.Flush()
	})
}
