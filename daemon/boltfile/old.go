package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// oldPath is the second name of the file that a compaction replaces, so that it is found again and
// overwritten when the compaction is cut short.
func oldPath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".old")
}

// keepOld gives the file its second name, durably, before it loses the first.
func keepOld(path string) error {
	return errors.Join(os.Link(path, oldPath(path)), syncDir(filepath.Dir(path)))
}

// forgetOld overwrites the file that was replaced and takes its second name away. A file that was
// not replaced after all has two names, and goes on under the first.
func forgetOld(path string) error {
	old, err := os.Lstat(oldPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// Until the names are on the disk, a power cut can bring the old file back under the first one.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	now, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(now, old) {
		if err := overwrite(oldPath(path), old.Size()); err != nil {
			return fmt.Errorf("overwrite what was there: %w", err)
		}
	}
	return Remove(oldPath(path))
}

// overwrite puts zeros where a file is.
func overwrite(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size && err == nil; at += int64(len(zeros)) {
		_, err = file.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
	}
	return errors.Join(err, file.Sync(), file.Close())
}
