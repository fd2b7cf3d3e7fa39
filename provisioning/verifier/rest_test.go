package verifier_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// files reads every file below a directory.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return all
}

func spellings(raw []byte) map[string][]byte {
	return map[string][]byte{
		"bytes":            raw,
		"hex":              []byte(hex.EncodeToString(raw)),
		"upper-case hex":   []byte(strings.ToUpper(hex.EncodeToString(raw))),
		"base32":           []byte(base32.StdEncoding.EncodeToString(raw)),
		"base64":           []byte(base64.RawStdEncoding.EncodeToString(raw)),
		"base64 for a URL": []byte(base64.RawURLEncoding.EncodeToString(raw)),
	}
}

func TestOpenRefuses(t *testing.T) {
	gone := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { remove(t, dir, name) }
	}
	readable := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { chmod(t, dir, name) }
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"no bundle":        {gone("bundle.json"), "verifierd init"},
		"no state":         {gone("verifier.db"), "made once"},
		"no feed key":      {gone("feed.key"), "verifierd init"},
		"no state key":     {gone("state.key"), "verifierd init"},
		"no certificate":   {gone("api.crt"), "verifierd init"},
		"readable key":     {readable("feed.key"), "chmod 600"},
		"readable TLS key": {readable("follower.key"), "chmod 600"},
		"readable state":   {readable("verifier.db"), "chmod 600"},
		"key of another": {func(t *testing.T, dir string) {
			remove(t, dir, "feed.key")
			rename(t, filepath.Join(newDir(t), "feed.key"), filepath.Join(dir, "feed.key"))
		}, "do not belong together"},
		"state key of another": {func(t *testing.T, dir string) {
			remove(t, dir, "state.key")
			rename(t, filepath.Join(newDir(t), "state.key"), filepath.Join(dir, "state.key"))
		}, "another key"},
		"not a key": {func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "feed.key"), []byte("key"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a key"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			c.change(t, dir)
			state, err := verifier.Open(dir)
			if err == nil {
				_ = state.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want a word about %q", err, c.want)
			}
		})
	}
}

func TestInitNeverReplaces(t *testing.T) {
	dir := newDir(t)
	before := files(t, filepath.Dir(dir))
	plan := verifier.Plan{Dir: dir, Name: "test", Escrow: filepath.Join(t.TempDir(), "k"),
		Now: time.Now()}
	if _, err := verifier.Init(plan); err == nil {
		t.Error("a verifier was made over another")
	}
	plan.Dir = filepath.Join(t.TempDir(), "v")
	plan.Escrow = filepath.Join(filepath.Dir(dir), "escrow.key")
	if _, err := verifier.Init(plan); err == nil {
		t.Error("an escrow key was replaced")
	}
	for name, data := range files(t, filepath.Dir(dir)) {
		if string(before[name]) != string(data) {
			t.Errorf("%s changed", name)
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
		t.Fatal(err)
	}
}
