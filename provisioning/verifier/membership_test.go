package verifier_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// TestGroupsWrittenWhileRead: a file that changes while the files are read is read again. The names
// come through a pipe, so that the reading lasts until the groups have changed.
func TestGroupsWrittenWhileRead(t *testing.T) {
	dir := t.TempDir()
	groups, admins := filepath.Join(dir, "groups.toml"), filepath.Join(dir, "administrators")
	write(t, groups, "students = []\n")
	if err := unix.Mkfifo(admins, 0o600); err != nil {
		t.Fatal(err)
	}
	name := func(before func()) <-chan error {
		done := make(chan error, 1)
		go func() {
			pipe, err := os.OpenFile(admins, os.O_WRONLY, 0) // once somebody reads
			if err == nil {
				before()
				_, err = pipe.WriteString("root-op\n")
				_ = pipe.Close()
			}
			done <- err
		}()
		return done
	}
	first := name(func() { write(t, groups, "students = [\"new\"]\n") })
	m, err := verifier.NewMembership(groups, admins, nil)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	again := name(func() {})
	if !m.In("new", "students") {
		t.Error("what was read before the files changed stays in force")
	}
	free, err := os.OpenFile(admins, os.O_RDWR, 0) // nobody waits for a reader any more
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	if err := <-again; err != nil {
		t.Error(err)
	}
}
