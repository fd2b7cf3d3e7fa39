// Package powertest is a rig for power cuts and kills. It builds a test binary that puts every file
// operation of the packages under test on a tape, plays the tape into a disk that remembers what
// was synced and what was not, and makes images of what a machine could find after it stopped at
// any point. Whoever owns the files says what an image must hold.
//
// It refuses to know what is in the files.
package powertest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const bolt = "go.etcd.io/bbolt"

const stand = `os "github.com/tokendesk/tokendesk/daemon/boltfile/disktest"`

var importsOS = regexp.MustCompile(`(?m)^(import )?\s*"os"$`)

// Build compiles the tests of a package so that the named packages, and bbolt, reach the kernel
// through the tape, and once more with every sync left out. It fails when the source does not look
// as it must.
func Build(t testing.TB, pkg string, recorded ...string) (binary, control string) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"test", "-c", "-tags", "crash", "-modfile", ownBolt(t, dir), "-overlay",
		overlay(t, dir, recorded)}
	const syncs = "-X github.com/tokendesk/tokendesk/daemon/boltfile/disktest.Syncs="
	binary, control = filepath.Join(dir, "recorded.test"), filepath.Join(dir, "control.test")
	command(t, "go", append(args, "-o", binary, pkg)...)
	command(t, "go", append(args, "-ldflags", syncs+"no", "-o", control, pkg)...)
	return binary, control
}

// overlay replaces package os in every file of our packages.
func overlay(t testing.TB, dir string, recorded []string) string {
	t.Helper()
	files := map[string]string{}
	for _, pkg := range recorded {
		for source, text := range redirected(t, pkg, "") {
			name := strings.ReplaceAll(strings.TrimPrefix(source, "/"), "/", "+")
			files[source] = filepath.Join(dir, name)
			write(t, files[source], text)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	write(t, file, list)
	return file
}

// ownBolt copies bbolt, because what lies in the module cache cannot be replaced, and returns a
// go.mod that points to the copy.
func ownBolt(t testing.TB, dir string) string {
	t.Helper()
	own := filepath.Join(dir, "bbolt")
	source := strings.TrimSpace(string(command(t, "go", "list", "-m", "-f", "{{.Dir}}", bolt)))
	if err := os.CopyFS(own, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	for name, text := range redirected(t, bolt, "linux.go") {
		write(t, filepath.Join(own, filepath.Base(name)), text)
	}
	main := strings.TrimSpace(string(command(t, "go", "env", "GOMOD")))
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(main), name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), text)
	}
	file := filepath.Join(dir, "go.mod")
	command(t, "go", "mod", "edit", "-replace", bolt+"="+own, file)
	return file
}

// redirected gives every file of a package that is built here and imports os, with the tape in its
// place; and the one file, by the end of its name, that goes to the kernel past os.
func redirected(t testing.TB, pkg, past string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	said := command(t, "go", "list", "-f", `{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}`, pkg)
	for source := range strings.FieldsSeq(string(said)) {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		changed := importsOS.ReplaceAll(text, []byte("${1}"+stand))
		if past != "" && strings.HasSuffix(source, past) {
			changed = ownSync(t, text)
		}
		if !bytes.Equal(changed, text) {
			files[source] = changed
		}
	}
	if len(files) == 0 {
		t.Fatalf("no file of %s imports os", pkg)
	}
	return files
}

// ownSync redirects the one call of bbolt that goes past package os.
func ownSync(t testing.TB, text []byte) []byte {
	t.Helper()
	changed := string(text)
	for old, now := range map[string]string{
		"import (\n\t\"syscall\"\n)\n":         "",
		"syscall.Fdatasync(int(db.file.Fd()))": "db.file.Fdatasync()",
	} {
		if strings.Count(changed, old) != 1 {
			t.Fatalf("bbolt does not say %q once in bolt_linux.go: look how it syncs now", old)
		}
		changed = strings.Replace(changed, old, now, 1)
	}
	return []byte(changed)
}

func write(t testing.TB, file string, text []byte) {
	t.Helper()
	// A copy of a module is as read-only as the module.
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}
