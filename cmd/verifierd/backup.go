package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type backupCmd struct {
	File string `arg:"" optional:"" help:"New file for the backup." type:"path"`
	nightly
}

// Run implements the command.
func (b backupCmd) Run(c *cli, out io.Writer) error {
	if err := b.place(&b.File); err != nil {
		return err
	}
	err := c.withAdmin(func(a verifier.Admin) error {
		sum, size, err := writeWhole(b.File, a.(verifier.Mover).Backup)
		if err == nil {
			fmt.Fprintf(out, "%s holds this verifier, sealed to the escrow key: %d bytes, sum %s\n",
				b.File, size, sum)
		}
		return err
	})
	if err != nil {
		return err
	}
	return b.prune(out)
}

type rebuildRestoreCmd struct {
	File   string `arg:"" help:"What verifierd backup wrote." type:"existingfile"`
	Escrow string `required:"" help:"File with the private half of the escrow key." type:"path"`
	Sum    string `help:"The sum that verifierd backup printed, if the certificate in the bundle of the lost verifier is another one than on the day of the backup."`
}

// Run implements the command.
func (r rebuildRestoreCmd) Run(c *cli, out io.Writer) error {
	conf, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	key, err := verifier.ReadEscrowKey(r.Escrow)
	if err != nil {
		return err
	}
	file, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if r.Sum != "" {
		if err := compareSum(file, r.Sum, "verifierd backup"); err != nil {
			return err
		}
	}
	got, err := verifier.Restore(conf.State, file, key, r.Sum != "", time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `put back: credentials %d, desks %d, callers %d
Each token wants two codes in a row before it signs in again, and every passcode is dead: nobody
knows what was used since the backup. So it is with all that a desk issued until it is followed again.
Desks are followed from where the backup left them, and each may bring what every hour since then
allows; where one did more in that time, raise its bound first (verifierd desk bounds NAME --per-hour
N). Then start the service, take the escrow key off this machine, and put the new bundle on each desk.
Callers need the new certificate of the API.
`, got.Rows["credential"], got.Rows["desk"], got.Rows["caller"])
	return nil
}
