package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeyFilesAreThoseTheDaemonLoads: a renewal writes where the daemon has the credential from,
// and nowhere when that is not known.
func TestKeyFilesAreThoseTheDaemonLoads(t *testing.T) {
	for name, c := range map[string]struct {
		source        string
		plain, sealed bool
		want, refused string
	}{
		"plain":                       {source: fromPlain, plain: true, want: "plain"},
		"plain, and not the sealed":   {source: fromPlain, plain: true, sealed: true, want: "plain"},
		"sealed":                      {source: fromSealed, sealed: true, want: "sealed"},
		"sealed, and not the plain":   {source: fromSealed, plain: true, sealed: true, want: "sealed"},
		"sealed, and it is not there": {source: fromSealed, plain: true, refused: "there is none in"},
		"passed, plain":               {plain: true, want: "plain"},
		"passed, sealed":              {sealed: true, want: "sealed"},
		"passed, and it may be both":  {plain: true, sealed: true, refused: "take the one away"},
	} {
		dir := t.TempDir()
		k := keyFiles{plain: filepath.Join(dir, "plain"), sealed: filepath.Join(dir, "sealed")}
		put := map[string]bool{k.plain: c.plain, k.sealed: c.sealed}
		for folder, there := range put {
			if there {
				writeIn(t, folder, credLog)
			}
		}
		files, err := k.from(c.source, credLog)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		path, sealed := files.path(credLog)
		if err != nil || path != filepath.Join(dir, c.want, credLog) || sealed != (c.want == "sealed") {
			t.Errorf("%s: %s, sealed %v, %v", name, path, sealed, err)
		}
	}
}

func TestSourceOfACredential(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	writeIn(t, dir, credLog)
	writeIn(t, dir, credFeed)
	writeIn(t, dir, credFeed+".sealed")
	for name, want := range map[string]string{credDesk: fromPlain, credLog: "", credFeed: fromSealed} {
		if got := sourceOf(name); got != want {
			t.Errorf("%s is from %q, want %q", name, got, want)
		}
	}
}

// TestNothingIsMadeBesideSealedKeys: the daemon would load the encrypted ones, and not what init and
// restore make.
func TestNothingIsMadeBesideSealedKeys(t *testing.T) {
	w := newTown(t)
	old := w.found("old")
	file := old.backup("desk.backup")
	old.stop()
	for _, name := range neededCredentials {
		c, bundle, card := newDesk(t)
		c.SealedCredentials = filepath.Join(filepath.Dir(card), "sealed")
		writeIn(t, c.SealedCredentials, name)
		if _, err := Init(c, bundle, card); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("init beside %s: %v", name, err)
		}
		there(t, c.State, false)
		there(t, c.Credentials, false)

		c = w.config("beside-"+name, w.free())
		c.SealedCredentials = w.path("beside-" + name + "/sealed")
		writeIn(t, c.SealedCredentials, name)
		config := w.path("beside-" + name + "/desk.toml")
		said := "sealed_credentials = \"" + c.SealedCredentials + "\"\n" + string(text(c))
		if err := os.WriteFile(config, []byte(said), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.restore(file, "beside-"+name, nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("restore beside %s: %v", name, err)
		}
		there(t, c.State, false)
		there(t, c.Credentials, false)
	}
}

func writeIn(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
}
