package disktest

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// File is an os.File whose changes are recorded.
type File struct {
	*os.File
	rel    string
	number int
	folder bool
}

func (f *File) step(k Kind) Step { return Step{Kind: k, File: f.number, Path: f.rel} }

// WriteAt is os.File.WriteAt.
func (f *File) WriteAt(b []byte, offset int64) (n int, err error) {
	s := f.step(Written)
	s.Offset = offset
	return n, do(s, func(s *Step) error {
		n, err = f.File.WriteAt(b, offset)
		s.Data = b[:n]
		return err
	})
}

// Write is os.File.Write.
func (f *File) Write(b []byte) (n int, err error) {
	return n, do(f.step(Written), func(s *Step) error {
		if s.Offset, err = f.Seek(0, 1); err != nil {
			return err
		}
		n, err = f.File.Write(b)
		s.Data = b[:n]
		return err
	})
}

// Truncate is os.File.Truncate.
func (f *File) Truncate(size int64) error {
	s := f.step(Resized)
	s.Offset = size
	return do(s, func(*Step) error { return f.File.Truncate(size) })
}

// Sync is os.File.Sync, of a file or a folder.
func (f *File) Sync() error { return f.sync(f.File.Sync) }

// Fdatasync is fdatasync(2), which keeps the size, too.
func (f *File) Fdatasync() error {
	return f.sync(func() error { return syscall.Fdatasync(int(f.Fd())) })
}

func (f *File) sync(sync func() error) error {
	if Syncs == "no" {
		return nil
	}
	kind := Synced
	if f.folder {
		kind = DirSynced
	}
	return do(f.step(kind), func(*Step) error { return sync() })
}

// OpenFile is os.OpenFile.
func OpenFile(path string, flag int, mode os.FileMode) (*File, error) {
	f := &File{rel: within(path)}
	_, err := os.Lstat(path)
	kind, old := Created, err == nil
	if old {
		kind = Resized
	}
	open := func(s *Step) (err error) {
		if f.File, err = os.OpenFile(path, flag, mode); err == nil {
			s.File = number(f.rel, !old)
			f.number = s.File
		}
		return err
	}
	if old && flag&os.O_TRUNC == 0 || flag&os.O_CREATE == 0 {
		return f.known(open)
	}
	if err := do(Step{Kind: kind, Path: f.rel, Mode: mode}, open); err != nil {
		return nil, err
	}
	return f, nil
}

// known opens what is there already, which changes nothing.
func (f *File) known(open func(*Step) error) (*File, error) {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	if err := open(&Step{}); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	f.folder = err == nil && info.IsDir()
	return f, nil
}

// Open is os.Open.
func Open(path string) (*File, error) {
	f := &File{rel: within(path)}
	return f.known(func(*Step) (err error) {
		f.File, err = os.Open(path)
		f.number = tape.names[f.rel]
		return err
	})
}

// CreateTemp is os.CreateTemp.
func CreateTemp(dir, pattern string) (*File, error) {
	f := &File{}
	// The name is known only afterwards, so the step begins with that of the folder.
	err := do(Step{Kind: Created, Path: within(dir)}, func(s *Step) (err error) {
		if f.File, err = os.CreateTemp(dir, pattern); err != nil {
			return err
		}
		if s.Path != "" {
			s.Path = join(s.Path, f.Name())
			s.Mode = 0o600
			s.File = number(s.Path, true)
		}
		f.rel, f.number = s.Path, s.File
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Stat is os.Stat.
func Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

var errUnknown = errors.New("disktest: a file of which nothing was recorded")
