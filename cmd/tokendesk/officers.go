package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"text/tabwriter"

	"github.com/tokendesk/tokendesk/daemon"
)

type officersCmd struct {
	List    listCmd    `cmd:"" default:"1" help:"List the officers."`
	Add     addCmd     `cmd:"" help:"Let a new officer work at the desk."`
	PIN     pinCmd     `cmd:"" name:"pin" help:"Give an officer a new PIN."`
	Disable disableCmd `cmd:"" help:"End an officer's work at the desk."`
	Enable  enableCmd  `cmd:"" help:"Let a disabled or locked officer work again."`
	Unlock  unlockCmd  `cmd:"" help:"Take the PIN of an officer again after ten wrong tries."`
	Lost    lostCmd    `cmd:"" name:"token-lost" help:"Make an officer's token open nothing here."`
}

type listCmd struct{}

// Run implements the command.
func (listCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	rows, err := client.Officers(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tPERSON\tROLE\tTOKEN\tSTATE")
	for _, row := range rows {
		role := "officer"
		if row.Supervisor {
			role = "supervisor"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", row.ID, row.Name, row.Person, role,
			tokenOf(row), stateOf(row))
	}
	return table.Flush()
}

func stateOf(row daemon.OfficerRow) string {
	switch {
	case row.Disabled:
		return "disabled"
	case row.Locked:
		return "locked: too many wrong tries"
	}
	return "may work"
}

// tokenOf is an officer's own token in a word or two.
func tokenOf(row daemon.OfficerRow) string {
	switch row.TokenState {
	case daemon.TokenReady:
		return row.Token
	case daemon.TokenDoubtful:
		return row.Token + " (to be enrolled again)"
	case daemon.TokenIdle:
		return row.Token + " (not on loan to them)"
	}
	return "none"
}

type addCmd struct {
	ID         string `arg:"" help:"The name the officer signs in with."`
	Name       string `required:"" help:"The officer's name, as the screen shows it."`
	Person     string `help:"The officer's own person number: nobody serves themselves."`
	Supervisor bool   `help:"May vouch for people who have no card."`
	PINStdin   bool   `name:"pin-stdin" help:"Read the PIN from standard input instead of drawing one."`
}

// Run implements the command.
func (a addCmd) Run(ctx context.Context, c *cli, t terminal) error {
	return withPIN(c, t, a.PINStdin, a.ID, func(client *daemon.Client, pin string) error {
		return client.Order(ctx, "add", daemon.OfficerOrder{OfficerRow: daemon.OfficerRow{ID: a.ID,
			Name: a.Name, Person: a.Person, Supervisor: a.Supervisor}, PIN: pin})
	})
}

type pinCmd struct {
	ID       string `arg:"" help:"The name the officer signs in with."`
	PINStdin bool   `name:"pin-stdin" help:"Read the PIN from standard input instead of drawing one."`
}

// Run implements the command.
func (p pinCmd) Run(ctx context.Context, c *cli, t terminal) error {
	return withPIN(c, t, p.PINStdin, p.ID, func(client *daemon.Client, pin string) error {
		return client.Order(ctx, "pin",
			daemon.OfficerOrder{OfficerRow: daemon.OfficerRow{ID: p.ID}, PIN: pin})
	})
}

type disableCmd struct {
	ID string `arg:"" help:"The name the officer signs in with."`
}

// Run implements the command.
func (d disableCmd) Run(ctx context.Context, c *cli) error { return order(ctx, c, "disable", d.ID) }

type enableCmd struct {
	ID string `arg:"" help:"The name the officer signs in with."`
}

// Run implements the command.
func (e enableCmd) Run(ctx context.Context, c *cli) error { return order(ctx, c, "enable", e.ID) }

type unlockCmd struct {
	ID string `arg:"" help:"The name the officer signs in with."`
}

// Run implements the command.
func (u unlockCmd) Run(ctx context.Context, c *cli) error { return order(ctx, c, "unlock", u.ID) }

type lostCmd struct {
	ID string `arg:"" help:"The name the officer signs in with."`
}

// Run implements the command.
func (l lostCmd) Run(ctx context.Context, c *cli) error { return order(ctx, c, "token-lost", l.ID) }

func order(ctx context.Context, c *cli, act, id string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return client.Order(ctx, act, daemon.OfficerOrder{OfficerRow: daemon.OfficerRow{ID: id}})
}

// withPIN runs an order with a PIN that is read, or drawn and shown once after it worked.
func withPIN(
	c *cli, t terminal, stdin bool, id string, do func(client *daemon.Client, pin string) error,
) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if stdin {
		line, err := bufio.NewReader(t.in).ReadString('\n')
		if line = strings.TrimSpace(line); line == "" {
			return errors.Join(errors.New("no PIN on standard input"), err)
		}
		return do(client, line)
	}
	pin, err := drawPIN(func(pin string) error { return do(client, pin) })
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "The PIN of %s is %s. It is shown once.\n", id, pin)
	return nil
}

// drawPIN draws PINs until one is not weak, which is nearly always the first.
func drawPIN(try func(string) error) (string, error) {
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
		if err != nil {
			return "", err
		}
		pin := fmt.Sprintf("%06d", n)
		var refusal daemon.AdminError
		err = try(pin)
		if errors.As(err, &refusal) && refusal.Code == "pin_weak" {
			continue
		}
		return pin, err
	}
}
