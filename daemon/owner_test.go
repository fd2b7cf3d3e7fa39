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

// TestStoreBelongsToTheDaemon: init and restore are run by root, in a folder that is the daemon's.
// It opens what they made there.
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

// TestRestoreWithoutAFolder: the daemon, which is not who restores, can read the configuration in
// the folder made for it, and what only root may see stays closed.
func TestRestoreWithoutAFolder(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	old := w.found("old")
	etc := w.config("etc/tokendesk", old.parts.Config.Feed)
	file := old.backupFor("desk.backup", etc)
	old.stop()
	_, err := Restore(t.Context(), RestorePlan{Config: w.path("etc/tokendesk/desk.toml"), File: file,
		Key: w.private, Card: w.path("restored.card"), By: "operator:test"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{w.path("etc"): 0o755, w.path("etc/tokendesk"): 0o755,
		w.path("etc/tokendesk/desk.toml"): 0o644, etc.Credentials: 0o700, etc.State: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
