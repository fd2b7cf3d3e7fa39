package systemd

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sealedFile is a file as systemd-creds writes it, as far as it is read here.
func sealedFile(t testing.TB, id string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(append(raw, bytes.Repeat([]byte{7}, 90)...))
	return []byte(text[:76] + "\n" + text[76:] + "\n")
}

const (
	idHost    = "5a1c6a86df9d4096b1d5a65e0862f19a"
	idTPM     = "0c7cc07b117645919c4b0bea08bc20fe"
	idHostTPM = "93a894094874449090caf2fc93cab553"
)

func TestSealedWith(t *testing.T) {
	for id, want := range map[string]Seal{idHost: SealHost, idTPM: SealTPM, idHostTPM: SealHostTPM,
		"058469daf6f54324800549da0f8ea2fb": SealNull, "00000000000000000000000000000000": SealUnknown} {
		if got := SealedWith(sealedFile(t, id)); got != want {
			t.Errorf("%s is read as %q, want %q", id, got, want)
		}
	}
	for _, bad := range []string{"", "AAAA", "not base64", idHost} {
		if got := SealedWith([]byte(bad)); got != SealUnknown {
			t.Errorf("%q is read as %q", bad, got)
		}
	}
}

// TestSealedWithSystemd reads what systemd-creds itself wrote, without a TPM and, where swtpm
// plays one, with it.
func TestSealedWithSystemd(t *testing.T) {
	tool, err := exec.LookPath("systemd-creds")
	if err != nil {
		need(t, "systemd-creds")
	}
	if os.Geteuid() != 0 {
		t.Skip("the host key belongs to root")
	}
	for _, with := range []Seal{SealHost, SealNull} {
		cmd := exec.Command(tool, "encrypt", "--name=desk-key", "--with-key="+string(with), "-", "-")
		cmd.Stdin = bytes.NewReader([]byte("a key"))
		file, err := cmd.Output()
		if err != nil {
			t.Fatalf("systemd-creds --with-key=%s: %v", with, err)
		}
		if got := SealedWith(file); got != with {
			t.Errorf("systemd-creds --with-key=%s is read as %q", with, got)
		}
	}
}

// TestProtection: what was not seen is not claimed. A credential without its encrypted file, an
// encrypted file without a TPM in it, a TPM in it and none in the box, and a folder that a disk
// holds are all no TPM.
func TestProtection(t *testing.T) {
	memory, err := os.MkdirTemp("/dev/shm", "creds-*")
	if err != nil || !inMemory(memory) {
		t.Skipf("/dev/shm is not in memory: %v", err)
	}
	defer os.RemoveAll(memory)
	box, none := t.TempDir(), filepath.Join(t.TempDir(), "none")
	host, tpm, both := sealedFile(t, idHost), sealedFile(t, idTPM), sealedFile(t, idHostTPM)
	for name, c := range map[string]struct {
		tpm    string
		sealed [2][]byte
		want   Protection
	}{
		"both bound":                 {box, [2][]byte{both, tpm}, ProtectionTPM},
		"bound, and no TPM here":     {none, [2][]byte{both, both}, ProtectionFile},
		"one with the host key only": {box, [2][]byte{both, host}, ProtectionHost},
		"host key":                   {none, [2][]byte{host, host}, ProtectionHost},
		"one is a plain file":        {box, [2][]byte{both, nil}, ProtectionFile},
		"null key":                   {box, [2][]byte{both, sealedFile(t, "058469daf6f54324800549da0f8ea2fb")}, ProtectionFile},
		"garbage":                    {box, [2][]byte{both, []byte("x")}, ProtectionFile},
	} {
		dir := filepath.Join(memory, filepath.Base(name))
		writeCredentials(t, dir, c.sealed)
		if got := protectionIn(dir, c.tpm, []string{"a", "b"}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	disk := filepath.Join(".", "testdata-protection")
	defer os.RemoveAll(disk)
	writeCredentials(t, disk, [2][]byte{both, both})
	if !inMemory(disk) {
		if got := protectionIn(disk, box, []string{"a", "b"}); got != ProtectionFile {
			t.Errorf("on a disk: %q", got)
		}
	}
	if got := protectionIn("", box, []string{"a"}); got != ProtectionFile {
		t.Errorf("outside systemd: %q", got)
	}
}

func writeCredentials(t *testing.T, dir string, sealed [2][]byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		files := map[string][]byte{name: []byte("key")}
		if sealed[i] != nil {
			files[name+sealedSuffix] = sealed[i]
		}
		for file, data := range files {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o400); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDropInsVerify asks systemd itself whether the units are right with the drop-ins.
func TestDropInsVerify(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		need(t, "systemd-analyze")
	}
	dir := t.TempDir()
	install(t, dir)
	for _, unit := range []string{"tokendeskd", "verifierd"} {
		data, err := Files.ReadFile(unit + "-tpm.conf")
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, unit+".service.d")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "10-tpm.conf"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, "verify", "--man=no",
			filepath.Join(dir, unit+".service")).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}

// Whatever is read as sealed in some way is base64 of one of the ids and more.
func FuzzSealedWith(f *testing.F) {
	f.Add(sealedFile(f, idHost))
	f.Add([]byte("k6iUCUh0RJCQyvL8k8q1Uw=="))
	f.Fuzz(func(t *testing.T, file []byte) {
		seal := SealedWith(file)
		if again := SealedWith(append([]byte("\n"), file...)); again != seal {
			t.Errorf("a blank line makes %q of %q", again, seal)
		}
		if seal.TPM() && len(file) < 24 {
			t.Errorf("%q is bound to a TPM", file)
		}
	})
}
