package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type callerCmd struct {
	Add    callerAddCmd    `cmd:"" help:"Make a client certificate and let it call the API."`
	Remove callerRemoveCmd `cmd:"" help:"Refuse a caller from now on."`
	Renew  callerRenewCmd  `cmd:"" help:"Make a second certificate for a caller, beside the first."`
	Retire callerRetireCmd `cmd:"" help:"Refuse all but the newest certificate of a caller."`
}

type callerAddCmd struct {
	Name string        `arg:"" help:"Name of the caller, and of its two files."`
	Role verifier.Role `required:"" enum:"verify,helpdesk,enrol,feed" help:"What it may do: ${enum}."`
	Out  string        `help:"Directory for the certificate and the key." default:"." type:"existingdir"`
}

// Run implements the command.
func (a callerAddCmd) Run(c *cli, out io.Writer) error {
	if a.Name == "" || a.Name != filepath.Base(a.Name) || a.Name[0] == '.' {
		return errors.New("a caller's name is also a file name")
	}
	cert, key := filepath.Join(a.Out, a.Name+".crt"), filepath.Join(a.Out, a.Name+".key")
	return c.withAdmin(func(admin verifier.Admin) error {
		pin, err := verifier.Identity{Name: a.Name, Now: time.Now()}.Write(cert, key)
		if err != nil {
			return err
		}
		if err := admin.AddCaller(a.Name, a.Role, pin); err != nil {
			return errors.Join(err, removeAll(cert, key))
		}
		fmt.Fprintf(out, "%s may call the API as %s, with %s and %s (secret)\n", a.Name, a.Role,
			cert, key)
		return nil
	})
}

// removeAll takes back the files that were made for nothing.
func removeAll(paths ...string) (err error) {
	for _, path := range paths {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

type callerRemoveCmd struct {
	Name string `arg:"" help:"Name of the caller."`
}

// Run implements the command.
func (r callerRemoveCmd) Run(c *cli, out io.Writer) error {
	err := c.withAdmin(func(a verifier.Admin) error { return a.RemoveCaller(r.Name) })
	if err == nil {
		fmt.Fprintf(out, "%s may no longer call the API\n", r.Name)
	}
	return err
}
