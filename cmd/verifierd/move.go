package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

type moveCmd struct {
	Export moveExportCmd `cmd:"" help:"Give the whole state out for another verifier, and accept nothing from then on."`
	Import moveImportCmd `cmd:"" help:"Take over the state another verifier gave out for this one."`
}

type moveExportCmd struct {
	To      string `required:"" help:"Bundle of the new verifier, which verifierd init made." type:"existingfile"`
	File    string `arg:"" help:"File for the state. It opens with the new verifier's key only." type:"path"`
	Instead bool   `help:"The verifier named at an earlier export never took over and never will: this one does."`
}

// Run implements the command.
func (m moveExportCmd) Run(c *cli, out io.Writer) error {
	bundle, err := readBundle(m.To)
	if err != nil {
		return err
	}
	return c.withAdmin(func(a verifier.Admin) error {
		sum, size, err := writeWhole(m.File, func(to io.Writer) error {
			return a.(verifier.Mover).MoveOut(bundle, m.Instead, to)
		})
		if err != nil {
			return err
		}
		s, err := a.Status()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, `%s holds this verifier, sealed to %s (key %s)
  size          %d bytes
  credentials   %d active, %d waiting, %d suspended, %d revoked
  passcodes     %d live
  sum           %s

This verifier accepts nothing any more: stop and disable its service. On the new machine, before it
runs: verifierd move import %s --sum %s
`, m.File, s.Moved.Name, s.Moved.Key, size, s.Credentials["active"], s.Credentials["waiting"],
			s.Credentials["suspended"], s.Credentials["revoked"], s.Passcodes, sum,
			filepath.Base(m.File), sum[:sumDigits])
		return nil
	})
}

// writeWhole writes a file that was not there, and says what its sum is.
func writeWhole(path string, write func(io.Writer) error) (sum string, size int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return "", 0, fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	hash := sha256.New()
	err = boltfile.StreamNew(path, func(draft io.ReadWriteSeeker) error {
		if err := write(io.MultiWriter(draft, hash)); err != nil {
			return err
		}
		size, err = draft.Seek(0, io.SeekCurrent)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// sumDigits of the sum are enough to tell one export from another that somebody else sealed.
const sumDigits = 16

type moveImportCmd struct {
	File string `arg:"" help:"What verifierd move export wrote." type:"existingfile"`
	Sum  string `required:"" help:"The sum that verifierd move export printed, or the first 16 digits of it or more."`
}

// Run implements the command.
func (m moveImportCmd) Run(c *cli, out io.Writer) error {
	conf, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	file, err := os.Open(m.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := m.compare(file); err != nil {
		return err
	}
	arrival, err := verifier.MoveIn(conf.State, file, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `took over from %s (key %s): credentials %d, passcodes %d, desks %d, callers %d
Every counter and every count of failures is as it was. Desks are followed with the old certificate
and what they seal to the old key is opened until they have the new bundle: put it on each. Callers
need the new certificate of the API. Destroy %s.
`, arrival.Name, arrival.Key, arrival.Rows["credential"], arrival.Rows["passcode"],
		arrival.Rows["desk"], arrival.Rows["caller"], m.File)
	return nil
}

// compare holds the file against the sum, and goes back to its beginning.
func (m moveImportCmd) compare(file *os.File) error {
	return compareSum(file, m.Sum, "verifierd move export")
}

func compareSum(file *os.File, want, printed string) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if len(want) < sumDigits || !strings.HasPrefix(sum, strings.ToLower(want)) {
		return fmt.Errorf("%s does not have that sum: compare it with what %s printed, at least %d "+
			"digits of it", file.Name(), printed, sumDigits)
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}
