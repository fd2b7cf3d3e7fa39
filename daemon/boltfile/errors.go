package boltfile

import "errors"

// What a file can be refused for. Each is a sentence an operator can act on; the path is added by
// whoever returns it.
var (
	// ErrExists: creating never replaces a file.
	ErrExists = errors.New("the file exists already and is not overwritten")
	// ErrMissing: opening never makes a file.
	ErrMissing = errors.New("the file does not exist; it is made once, on purpose, by init")
	// ErrExposed: others can read or change the file.
	ErrExposed = errors.New("the file must be a regular file only its owner may read (chmod 600)")
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("the file is in use by another process")
	// ErrKey: a key is exactly KeySize bytes.
	ErrKey = errors.New("the key must be 32 bytes long")
	// ErrWrongKey: the file is whole as far as could be seen, and belongs to another key.
	ErrWrongKey = errors.New("the file was made with another key")
	// ErrKind: the file is whole and belongs to another program.
	ErrKind = errors.New("the file belongs to another program")
	// ErrNewer: the file was written by a newer version of this program.
	ErrNewer = errors.New("the file was written by a newer version; install that version or newer")
	// ErrDamaged: the file or a value in it is not what was written.
	ErrDamaged = errors.New("the file is damaged")
	// ErrCommit: it is not known whether the last commit is on the disk. The file takes no more
	// writes: only opening it anew tells what is in it.
	ErrCommit = errors.New("it is not known whether the commit is on the disk")
)

// What reading a value can end with, besides ErrDamaged.
var (
	// ErrAbsent: there is no value under the key.
	ErrAbsent = errors.New("no such value")
	// ErrErased: the value was sealed under the key of a subject that was erased.
	ErrErased = errors.New("the value was erased")
)
