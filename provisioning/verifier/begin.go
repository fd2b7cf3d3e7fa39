package verifier

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// fileUnfinished stands while init is at work, first made and last removed, and names the escrow
// key's file. Where it stands without a state, nothing beside it was ever used or given away.
const fileUnfinished = "init.unfinished"

// begin refuses a folder that holds anything, and says on the disk that a verifier is being made in
// it. What an init that was cut short left is removed, unless it had made everything.
func begin(p Plan) (made bool, err error) {
	if err := boltfile.MakeDir(p.Dir); err != nil {
		return false, err
	}
	mark := filepath.Join(p.Dir, fileUnfinished)
	if err := boltfile.RemoveDrafts(mark); err != nil {
		return false, err
	}
	escrow, err := os.ReadFile(mark)
	switch {
	case err == nil && boltfile.Exists(filepath.Join(p.Dir, fileState)):
		return true, nil
	case err == nil:
		return false, startOver(p, string(escrow))
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if entries, err := os.ReadDir(p.Dir); err != nil || len(entries) > 0 {
		return false, errors.Join(err, errors.New("the directory is not empty"))
	}
	if boltfile.Exists(p.Escrow) {
		return false, p.escrowExists()
	}
	return false, boltfile.WriteNew(mark, 0o600, []byte(p.Escrow))
}

// startOver removes what was made before the crash. An escrow key that was meant to go elsewhere
// then belongs to nothing.
func startOver(p Plan, escrow string) error {
	if err := boltfile.RemoveDrafts(filepath.Join(p.Dir, "*")); err != nil {
		return err
	}
	for _, name := range []string{FileBundle, FileAPICert, fileStateKey, fileFeedKey, fileAPIKey,
		fileFollowerCert, fileFollowerKey} {
		if err := boltfile.Remove(filepath.Join(p.Dir, name)); err != nil {
			return err
		}
	}
	if escrow != p.Escrow {
		if boltfile.Exists(p.Escrow) {
			return p.escrowExists()
		}
		return nil
	}
	return errors.Join(boltfile.RemoveDrafts(escrow), boltfile.Remove(escrow))
}

func (p Plan) escrowExists() error {
	return &fs.PathError{Op: "make the escrow key", Path: p.Escrow, Err: syscall.EEXIST}
}

// finish reads the bundle of a verifier that is made whole, and says so on the disk.
func finish(p Plan, err error) (feed.Bundle, error) {
	if err != nil {
		return feed.Bundle{}, err
	}
	line, err := os.ReadFile(filepath.Join(p.Dir, FileBundle))
	if err != nil {
		return feed.Bundle{}, err
	}
	bundle, err := feed.DecodeBundle(line)
	if err != nil {
		return feed.Bundle{}, err
	}
	return bundle, boltfile.Remove(filepath.Join(p.Dir, fileUnfinished))
}
