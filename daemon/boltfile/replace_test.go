package boltfile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReplace: nothing else is left behind, and the mode is the one
// asked for.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	for _, text := range []string{"one", "two"} {
		if err := Replace(path, 0o640, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if err := Replace(filepath.Join(dir, "no", "key"), 0o600, nil); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}
