package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type renewCmd struct {
	Follower renewFollowerCmd `cmd:"" help:"Renew the certificate desks are called with."`
	API      renewAPICmd      `cmd:"" name:"api" help:"Renew the certificate callers are answered with."`
	Sealing  renewSealingCmd  `cmd:"" help:"Renew the key desks seal to."`
}

type renewFollowerCmd struct {
	Wait time.Duration `help:"How long to wait for the desks." default:"90s"`
}

// askEvery is how often the verifier is asked how far it is.
const askEvery = 100 * time.Millisecond

// Run implements the command.
func (r renewFollowerCmd) Run(ctx context.Context, c *cli, out io.Writer) error {
	return c.withAdmin(func(a verifier.Admin) error {
		err := a.Renew(verifier.RenewOrder{What: verifier.RenewFollower, Step: verifier.StepBegin})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "every desk is told of the new certificate; it is used once each knows it,")
		fmt.Fprintln(out, "and the old one is given up after that, by itself")
		return r.await(ctx, a, out)
	})
}

// await waits until the renewal is over, or says whom it waits for.
func (r renewFollowerCmd) await(ctx context.Context, a verifier.Admin, out io.Writer) error {
	for over := time.Now().Add(r.Wait); ; {
		s, err := a.Status()
		if err != nil {
			return err
		}
		now := renewal(s, verifier.RenewFollower)
		if now == nil {
			fmt.Fprintln(out, "the certificate of the follower is renewed")
			return nil
		}
		if time.Now().After(over) {
			fmt.Fprintf(out, "it is %s and goes on by itself; it waits for: %s\n", now.Stage,
				strings.Join(now.Waits, ", "))
			return nil
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func renewal(s verifier.Status, what string) *verifier.RenewalStatus {
	for _, r := range s.Keys.Renewals {
		if r.What == what {
			return &r
		}
	}
	return nil
}

type renewAPICmd struct {
	Switch bool `help:"Answer callers with the new certificate from now on." xor:"step"`
	Retire bool `help:"Give the old certificate up." xor:"step"`
}

// Run implements the command.
func (r renewAPICmd) Run(c *cli, out io.Writer) error {
	step, line := verifier.StepBegin, "made a new certificate beside the old one, api.N.crt in the "+
		"state directory:\ngive it to every caller, to be trusted beside the old one; then --switch"
	switch {
	case r.Switch:
		step, line = verifier.StepSwitch, "callers are answered with the new certificate; then --retire"
	case r.Retire:
		step = verifier.StepRetire
		line = "the old certificate is gone: callers need not trust it any more"
	}
	err := c.withAdmin(func(a verifier.Admin) error {
		return a.Renew(verifier.RenewOrder{What: verifier.RenewAPI, Step: step})
	})
	if err == nil {
		fmt.Fprintln(out, line)
	}
	return err
}

type renewSealingCmd struct {
	Retire bool `help:"Give the old key up, once nothing sealed to it can come any more."`
}

// Run implements the command.
func (r renewSealingCmd) Run(c *cli, out io.Writer) error {
	step, line := verifier.StepBegin, "desks are told to seal to the new key; what is sealed to the "+
		"old one still opens.\nOnce `verifierd status` says that it waits for no desk: --retire"
	if r.Retire {
		step, line = verifier.StepRetire, "the old sealing key is gone"
	}
	err := c.withAdmin(func(a verifier.Admin) error {
		return a.Renew(verifier.RenewOrder{What: verifier.RenewSealing, Step: step})
	})
	if err == nil {
		fmt.Fprintln(out, line)
	}
	return err
}

type callerRenewCmd struct {
	Name string `arg:"" help:"Name of the caller."`
	Out  string `help:"Directory for the new certificate and key." default:"." type:"existingdir"`
}

// Run implements the command.
func (r callerRenewCmd) Run(c *cli, out io.Writer) error {
	base := fmt.Sprintf("%s-%s", r.Name, time.Now().UTC().Format("20060102"))
	if r.Name == "" || r.Name != filepath.Base(r.Name) || r.Name[0] == '.' {
		return errors.New("a caller's name is also a file name")
	}
	cert, key := filepath.Join(r.Out, base+".crt"), filepath.Join(r.Out, base+".key")
	return c.withAdmin(func(a verifier.Admin) error {
		pin, err := verifier.Identity{Name: r.Name, Now: time.Now()}.Write(cert, key)
		if err != nil {
			return err
		}
		err = a.Renew(verifier.RenewOrder{What: verifier.RenewCaller, Step: verifier.StepBegin,
			Caller: r.Name, Pin: pin, Ends: verifier.EndOf(time.Now())})
		if err != nil {
			return errors.Join(err, removeAll(cert, key))
		}
		fmt.Fprintf(out, "%s may call with %s and %s (secret), and with the old ones until\n"+
			"verifierd caller retire %s\n", r.Name, cert, key, r.Name)
		return nil
	})
}

type callerRetireCmd struct {
	Name string `arg:"" help:"Name of the caller."`
}

// Run implements the command.
func (r callerRetireCmd) Run(c *cli, out io.Writer) error {
	err := c.withAdmin(func(a verifier.Admin) error {
		return a.Renew(verifier.RenewOrder{What: verifier.RenewCaller, Step: verifier.StepRetire,
			Caller: r.Name})
	})
	if err == nil {
		fmt.Fprintf(out, "%s may call with the newest certificate only\n", r.Name)
	}
	return err
}

// printKeys says which certificates end within a month, which renewals are under way, and what
// protects the keys of this machine.
func printKeys(out io.Writer, k verifier.KeysStatus, now time.Time) {
	fmt.Fprintf(out, "keys: %s\n", k.Protection.Sentence())
	for _, r := range k.Renewals {
		fmt.Fprintf(out, "renewal of the %s key: %s", r.What, r.Stage)
		if len(r.Waits) > 0 {
			fmt.Fprintf(out, ", waits for %s", strings.Join(r.Waits, "; "))
		}
		fmt.Fprintln(out)
	}
	for _, e := range k.Ends {
		switch {
		case !now.Before(e.Ends):
			fmt.Fprintf(out, "ENDED: the certificate of %s, on %s: %s; %s\n", named(e),
				e.Ends.UTC().Format(time.DateOnly), e.Stops(), e.Renew())
		case feed.EndsSoon(e.Ends, now):
			fmt.Fprintf(out, "ends soon: the certificate of %s, on %s: %s\n", named(e),
				e.Ends.UTC().Format(time.DateOnly), e.Renew())
		}
	}
}

func named(e verifier.End) string {
	switch e.What {
	case verifier.RenewCaller:
		return "caller " + e.Name
	case "feed":
		return "desk " + e.Name
	}
	return "the " + e.What
}
