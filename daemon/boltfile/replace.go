package boltfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Replace puts a file in the place of another, or where there was none, durably and as a whole:
// whatever moment a power cut picks leaves the old one or the new one. The owner stays.
func Replace(path string, mode fs.FileMode, data []byte) (err error) {
	dir, pattern := drafts(path)
	draft, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(draft.Name())
		}
	}()
	_, err = draft.Write(data)
	err = errors.Join(err, draft.Chmod(mode), keepOwner(draft.Chown, path), draft.Sync(),
		draft.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// keepOwner gives a file the owner of the one it is to replace.
func keepOwner(chown func(uid, gid int) error, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // there is none yet
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && syscall.Geteuid() == 0 {
		return chown(int(stat.Uid), int(stat.Gid))
	}
	return nil
}
