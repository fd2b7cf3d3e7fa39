package daemon

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tokendesk/tokendesk/systemd"
)

// What a credential is taken apart into is put together to a text that comes apart the same way.
func FuzzSplitKeys(f *testing.F) {
	f.Add([]byte("abc\nnext\ndef\n"))
	f.Add([]byte("old\n"))
	f.Add([]byte("one"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k := splitKeys(text)
		again := splitKeys(k.join())
		if again.word != k.word || !bytes.Equal(again.first, ended1(k, k.first)) ||
			!bytes.Equal(again.second, ended1(k, k.second)) {
			t.Errorf("%q is %+v and then %+v", text, k, again)
		}
	})
}

// ended1 is what joining two keys makes of one.
func ended1(k keyText, part []byte) []byte {
	if k.word == "" {
		return part
	}
	return ended(part)
}

// TestSealedKeyFiles: a credential that systemd-creds encrypted is renewed in place, to the same
// keys.
func TestSealedKeyFiles(t *testing.T) {
	if _, err := exec.LookPath("systemd-creds"); err != nil || os.Geteuid() != 0 {
		t.Skip("systemd-creds and its host key are needed")
	}
	dir := t.TempDir()
	files := keyFiles{plain: filepath.Join(dir, "plain"), sealed: filepath.Join(dir, "sealed")}
	if err := os.Mkdir(files.sealed, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(files.sealed, credDesk)
	first, err := creds([]byte("one\n"), "encrypt", "--name="+credDesk, "--with-key=host", "-", "-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, first, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := files.read(credDesk); err != nil || string(got) != "one\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := files.replace(credDesk, []byte("two\n")); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(path)
	if err != nil || bytes.Contains(second, []byte("two")) || systemd.SealedWith(second) != systemd.SealHost {
		t.Errorf("the file is encrypted with %q, %v", systemd.SealedWith(second), err)
	}
	if got, err := files.read(credDesk); err != nil || string(got) != "two\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("AAAA"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := files.replace(credDesk, []byte("three\n")); err == nil {
		t.Error("what is encrypted in an unknown way was replaced")
	}
}
