package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// nightly is where a timer keeps backups: each under the time it was made, the oldest dropped.
type nightly struct {
	Into string `help:"Directory for a backup named by the time, in the place of FILE." type:"path"`
	Keep int    `help:"How many of those in the directory stay; 0 keeps all."`
}

// place names the file, unless the operator did.
func (n nightly) place(file *string) error {
	switch {
	case (*file == "") == (n.Into == ""):
		return errors.New("name the file of the backup, or the directory with --into")
	case n.Keep < 0 || n.Keep > 0 && n.Into == "":
		return errors.New("--keep is a number of files in --into, or 0 for all of them")
	case n.Into == "":
		return nil
	}
	if err := os.MkdirAll(n.Into, 0o700); err != nil {
		return err
	}
	stamp := time.Now().UTC().Format("20060102T150405Z")
	*file = filepath.Join(n.Into, "verifier-"+stamp+".backup")
	return nil
}

// prune drops the oldest once the new one is there. Their names are their order.
func (n nightly) prune(out io.Writer) error {
	if n.Keep == 0 {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(n.Into, "verifier-????????T??????Z.backup"))
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, old := range files[:max(0, len(files)-n.Keep)] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("drop an old backup: %w", err)
		}
		fmt.Fprintln(out, "dropped", old)
	}
	return nil
}
