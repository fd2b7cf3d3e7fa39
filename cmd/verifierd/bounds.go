package main

import (
	"io"
	"slices"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// unbounded stands for no bound, and takes one away.
const unbounded = "any"

type boundsCmd struct {
	Desk    string   `arg:"" help:"Id of the desk."`
	Site    []string `help:"Site the desk may issue for; may be repeated. What is not given stays as it is; \"any\" takes a bound away."`
	Users   []string `help:"Prefix of the sign-in names the desk may bind; may be repeated."`
	Group   []string `help:"Group whose users the desk may bind; may be repeated."`
	PerHour *int     `help:"Most tokens and passcodes the desk may issue within an hour; 0 is no limit."`
}

// Run implements the command.
func (b boundsCmd) Run(c *cli, out io.Writer) error {
	return c.withAdmin(func(a verifier.Admin) error {
		s, err := a.Status()
		if err != nil {
			return err
		}
		named := func(d verifier.DeskStatus) bool { return d.Desk == b.Desk }
		at := slices.IndexFunc(s.Desks, named)
		if at < 0 {
			return verifier.ErrUnknownDesk
		}
		desk := s.Desks[at]
		desk.Bounds = b.change(desk.Bounds)
		if err := a.SetBounds(desk.Desk, desk.Bounds); err != nil {
			return err
		}
		return listDesks(out, desk)
	})
}

// change is the bounds with what was given in the place of what was.
func (b boundsCmd) change(now verifier.Bounds) verifier.Bounds {
	for _, one := range []struct {
		given []string
		bound *[]string
	}{{b.Site, &now.Sites}, {b.Users, &now.Users}, {b.Group, &now.Groups}} {
		switch {
		case slices.Equal(one.given, []string{unbounded}):
			*one.bound = nil
		case len(one.given) > 0:
			*one.bound = one.given
		}
	}
	if b.PerHour != nil {
		now.PerHour = *b.PerHour
	}
	return now
}
