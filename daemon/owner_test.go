package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody is the user of a daemon that is not who makes its desk.
const nobody = 65534

// TestStoreBelongsToTheDaemon: init and restore are run by root, in a folder that is the daemon's. It
// opens what they made there.
func TestStoreBelongsToTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("files are given away by root alone")
	}
	c, bundle, card := newDesk(t)
	belong(t, c.State)
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	belongs(t, c)

	w := newTown(t)
	old := w.found("old")
	file := old.backup("desk.backup")
	old.stop()
	belong(t, w.config("new", "").State)
	c, _, err := w.restore(file, "new", nil)
	if err != nil {
		t.Fatal(err)
	}
	belongs(t, c)
}

func belong(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
}

func belongs(t *testing.T, c Config) {
	t.Helper()
	made, err := filepath.Glob(filepath.Join(c.State, "*"))
	if err != nil || len(made) != 1 || made[0] != c.file() {
		t.Errorf("the folder holds %v, %v", made, err)
	}
	for _, path := range made {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != nobody || stat.Gid != nobody {
			t.Errorf("%s belongs to %d:%d", path, stat.Uid, stat.Gid)
		}
	}
}
