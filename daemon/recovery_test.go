package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No public half stands where backups are sealed to it without a private one, and no private half
// is left that belongs to nothing.
func TestRecoveryKeyHasBothHalvesOrNone(t *testing.T) {
	dir := t.TempDir()
	private, public := filepath.Join(dir, "recovery.key"), filepath.Join(dir, "recovery.pub")
	if _, err := MakeRecoveryKey(filepath.Join(dir, "stick", "recovery.key"), public); err == nil {
		t.Error("a private half was written into a folder that is not there")
	}
	there(t, public, false)
	if _, err := MakeRecoveryKey(private, filepath.Join(dir, "etc", "recovery.pub")); err == nil {
		t.Error("a public half was written into a folder that is not there")
	}
	there(t, private, false)
	if _, err := MakeRecoveryKey(private, public); err != nil {
		t.Fatal(err)
	}
	for _, halves := range [][2]string{{private, filepath.Join(dir, "other.pub")},
		{filepath.Join(dir, "other.key"), public}} {
		if _, err := MakeRecoveryKey(halves[0], halves[1]); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a half was replaced: %v", err)
		}
	}
	there(t, private, true)
	there(t, public, true)
	there(t, filepath.Join(dir, "other.key"), false)
	there(t, filepath.Join(dir, "other.pub"), false)
}

// A memory stick knows no owners: what lies there is refused with what to do, which is not chmod
// alone.
func TestRecoveryKeyOthersMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recovery.key")
	if err := os.WriteFile(path, []byte("00"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadRecoveryKey(path)
	if err == nil || !strings.Contains(err.Error(), "copy it to this machine") ||
		!strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("it says %v", err)
	}
}

func there(t *testing.T, path string, wanted bool) {
	t.Helper()
	if _, err := os.Stat(path); (err == nil) != wanted {
		t.Errorf("%s: %v", path, err)
	}
}
