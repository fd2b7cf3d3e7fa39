package disktest

import (
	"io/fs"
	"os"
)

// What else the recorded packages take from package os, as it is there.
type (
	// FileMode is os.FileMode.
	FileMode = os.FileMode
	// FileInfo is os.FileInfo.
	FileInfo = os.FileInfo
)

// The flags of OpenFile.
const (
	O_RDONLY = os.O_RDONLY
	O_WRONLY = os.O_WRONLY
	O_RDWR   = os.O_RDWR
	O_CREATE = os.O_CREATE
	O_EXCL   = os.O_EXCL
	O_TRUNC  = os.O_TRUNC
)

// Exit is os.Exit.
func Exit(code int) { os.Exit(code) }

// NewSyscallError is os.NewSyscallError.
func NewSyscallError(call string, err error) error { return os.NewSyscallError(call, err) }

// SameFile is os.SameFile.
func SameFile(a, b FileInfo) bool { return os.SameFile(a, b) }

// ReadFile is os.ReadFile.
func ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// ReadDir is os.ReadDir.
func ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// Lstat is os.Lstat.
func Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }
