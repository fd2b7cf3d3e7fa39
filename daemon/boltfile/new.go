package boltfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// drafts is what a file is called while it is made: the end differs.
func drafts(path string) (dir, pattern string) {
	return filepath.Dir(path), "." + filepath.Base(path) + ".new-*"
}

// WriteNew makes a file that was not there: a power cut leaves the whole of it or nothing under its
// name, and after it returned the whole. The error for one that is there wraps fs.ErrExist.
func WriteNew(path string, mode fs.FileMode, data []byte) error {
	err := publish(path, func(draft string) error {
		f, err := os.OpenFile(draft, os.O_WRONLY, 0)
		return write(f, err, mode, data)
	})
	if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
		// A memory stick has no links, and mostly no modes: what a power cut leaves there is seen
		// by whoever carries it away.
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		return errors.Join(write(f, err, 0, data), syncDir(filepath.Dir(path)))
	}
	return err
}

// write fills a file that was opened and closes it.
func write(f *os.File, err error, mode fs.FileMode, data []byte) error {
	if err != nil {
		return err
	}
	if mode != 0 {
		err = f.Chmod(mode)
	}
	_, failed := f.Write(data)
	return errors.Join(err, failed, f.Sync(), f.Close())
}

// StreamNew makes a file that was not there, and that only its owner may read, of what fill writes
// into it. It is there as a whole once it returned, and not at all when fill fails.
func StreamNew(path string, fill func(io.ReadWriteSeeker) error) error {
	return publish(path, func(draft string) error {
		f, err := os.OpenFile(draft, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(fill(f), f.Sync(), f.Close())
	})
}

// publish lets fill make a file, durably, under another name, and links it into place: a link,
// unlike a rename, never replaces a file that is there. One that is there is on the disk when that
// is said.
func publish(path string, fill func(draft string) error) error {
	dir, pattern := drafts(path)
	draft, err := os.CreateTemp(dir, pattern) // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	if err := draft.Close(); err != nil {
		return err
	}
	if err := fill(draft.Name()); err != nil {
		return err
	}
	return errors.Join(os.Link(draft.Name(), path), syncDir(dir))
}

// RemoveDrafts removes what a crash left half made of a file, or of all files of a folder when its
// name is "*".
func RemoveDrafts(path string) error {
	left, err := filepath.Glob(filepath.Join(drafts(path)))
	for _, draft := range left {
		err = errors.Join(err, os.Remove(draft))
	}
	return err
}

// MakeDir makes a folder that only its owner may enter, and those above it that are missing. Each
// is on the disk when it returns.
func MakeDir(path string) error { return makeDir(path, 0o700) }

// MakeOpenDir is MakeDir for a folder that everybody may enter.
func MakeOpenDir(path string) error { return makeDir(path, 0o755) }

func makeDir(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		// Who made it may have been killed. Not everybody may read, and so sync, what is above.
		if err := syncDir(filepath.Dir(path)); !errors.Is(err, fs.ErrPermission) {
			return err
		}
		return nil
	case err == nil:
		return &fs.PathError{Op: "make the folder", Path: path, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	above := filepath.Dir(path)
	if err := makeDir(above, mode); err != nil {
		return err
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(above)
}

// Remove removes a file for good: the name does not come back with a power cut. One that is not
// there is no error.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Exists takes what cannot be looked at for something that is there.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// syncDir makes a new name durable: syncing a file does not sync the directory it is in.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
