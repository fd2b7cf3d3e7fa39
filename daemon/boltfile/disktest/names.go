package disktest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

func join(folder, path string) string { return filepath.Join(folder, filepath.Base(path)) }

// Link is os.Link.
func Link(old, name string) error {
	s := Step{Kind: Linked, Path: within(old), To: within(name)}
	return do(s, func(s *Step) error {
		if err := os.Link(old, name); err != nil {
			return err
		}
		return rename(s)
	})
}

// Rename is os.Rename.
func Rename(old, name string) error {
	s := Step{Kind: Renamed, Path: within(old), To: within(name)}
	return do(s, func(s *Step) error {
		if err := os.Rename(old, name); err != nil {
			return err
		}
		err := rename(s)
		delete(tape.names, s.Path)
		return err
	})
}

// rename gives a file that is recorded another name.
func rename(s *Step) error {
	if s.Path == "" {
		return nil
	}
	if s.File = tape.names[s.Path]; s.File == 0 || s.To == "" {
		return errUnknown
	}
	tape.names[s.To] = s.File
	return nil
}

// Remove is os.Remove.
func Remove(path string) error {
	return do(Step{Kind: Removed, Path: within(path)}, func(s *Step) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		s.File = tape.names[s.Path]
		delete(tape.names, s.Path)
		return nil
	})
}

// Mkdir is os.Mkdir.
func Mkdir(path string, mode os.FileMode) error {
	return do(Step{Kind: Folder, Path: within(path), Mode: mode},
		func(*Step) error { return os.Mkdir(path, mode) })
}

// MkdirAll is os.MkdirAll, one folder at a time.
func MkdirAll(path string, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	if err := Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
