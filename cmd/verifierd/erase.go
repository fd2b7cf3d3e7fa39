package main

import (
	"fmt"
	"io"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type eraseCmd struct {
	User string `arg:"" help:"Their sign-in name."`
}

// Run implements the command.
func (e eraseCmd) Run(c *cli, out io.Writer) error {
	return c.withAdmin(func(a verifier.Admin) error {
		done, err := a.Erase(e.User)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, `the verifier has forgotten them (tokens: %d, passcodes: %d, also what had ended).
What is left of it in free pages goes when the file is written anew, within seconds or at the next
start. Desks, callers and backups keep what they have: tokendesk erase, on each desk that goes on.
`, done.Tokens, done.Passcodes)
		return nil
	})
}
