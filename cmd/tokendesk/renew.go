package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

type renewCmd struct {
	Feed   renewFeedCmd   `cmd:"" help:"Renew the certificate the feed is served with."`
	Log    renewLogCmd    `cmd:"" help:"Renew the key that signs the log."`
	Desk   renewDeskCmd   `cmd:"" help:"Renew the key that opens the store."`
	Site   renewSiteCmd   `cmd:"" name:"site-secret" help:"Begin a generation of the site secret, or give an old one up."`
	Bundle renewBundleCmd `cmd:"" help:"Take another bundle of the verifier, from a file."`
}

// renewal is a renewal that waits for the verifier for as long as a long poll takes, and some.
func (c *cli) renewal(t terminal, patience time.Duration) (daemon.Renewal, error) {
	config, err := daemon.ReadConfig(c.Config)
	if err != nil {
		return daemon.Renewal{}, err
	}
	return daemon.Renewal{Config: config, Client: daemon.NewClient(config.Admin), Patience: patience,
		Say: func(line string) { fmt.Fprintln(t.out, line) }}, nil
}

type renewFeedCmd struct {
	Wait time.Duration `help:"How long the verifier may take to know the new key." default:"90s"`
}

// Run implements the command.
func (r renewFeedCmd) Run(ctx context.Context, c *cli, t terminal) error {
	return renew(ctx, c, t, daemon.RenewFeed, r.Wait)
}

type renewLogCmd struct {
	Wait time.Duration `help:"How long the verifier may take to know the new key." default:"90s"`
}

// Run implements the command.
func (r renewLogCmd) Run(ctx context.Context, c *cli, t terminal) error {
	return renew(ctx, c, t, daemon.RenewLog, r.Wait)
}

type renewDeskCmd struct{}

// Run implements the command.
func (renewDeskCmd) Run(ctx context.Context, c *cli, t terminal) error {
	return renew(ctx, c, t, daemon.RenewDesk, 0)
}

func renew(ctx context.Context, c *cli, t terminal, what string, wait time.Duration) error {
	r, err := c.renewal(t, wait)
	if err != nil {
		return err
	}
	return r.Run(ctx, what)
}

type renewSiteCmd struct {
	Retire int `help:"Give this old generation up, once no token carries it."`
}

// Run implements the command.
func (s renewSiteCmd) Run(ctx context.Context, c *cli, t terminal) error {
	r, err := c.renewal(t, 0)
	if err != nil {
		return err
	}
	if s.Retire != 0 {
		return r.RetireSite(ctx, s.Retire)
	}
	return r.RunSite(ctx)
}

type renewBundleCmd struct {
	File string `arg:"" type:"existingfile" help:"The bundle that verifierd made."`
}

// Run implements the command.
func (b renewBundleCmd) Run(ctx context.Context, c *cli, t terminal) error {
	data, err := os.ReadFile(b.File)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	state, err := client.Renew(ctx, daemon.RenewBundle, daemon.RenewOrder{Credential: data})
	if err != nil {
		return err
	}
	fmt.Fprintln(t.out, "the bundle is in force:", state.Use)
	return nil
}

type cardCmd struct {
	File string `arg:"" type:"path" help:"Where to write this desk's public card, as it is now."`
}

// Run implements the command.
func (f cardCmd) Run(ctx context.Context, c *cli, t terminal) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	card, err := client.Card(ctx)
	if err != nil {
		return err
	}
	data, err := card.Encode()
	if err != nil {
		return err
	}
	return writeCard(f.File, data)
}

// writeCard writes a card durably, on a memory stick, too, and in the place of one that is there: it
// can be asked for again. What is no file, as /dev/stdout, is written to and not replaced.
func writeCard(path string, card []byte) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, card, 0o644)
	}
	if err := boltfile.Remove(path); err != nil {
		return err
	}
	return boltfile.WriteNew(path, 0o644, card)
}
