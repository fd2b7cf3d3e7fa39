package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// newBackupBox is a box whose configuration says where backups go and what carries them off.
func newBackupBox(t *testing.T, after string) *box {
	t.Helper()
	dir := t.TempDir()
	b := newBox(t, fmt.Sprintf("[backup]\nrecovery_key = %q\ndirectory = %q\nkeep = 2\nafter = %q",
		filepath.Join(dir, "recovery.pub"), filepath.Join(dir, "kept"),
		strings.ReplaceAll(after, "DIR", dir)))
	if err := os.Symlink(dir, b.path("backups")); err != nil {
		t.Fatal(err)
	}
	b.init("made its empty store")
	b.start()
	return b
}

func (b *box) recoveryKey() {
	b.t.Helper()
	out := b.works("", "made recovery key", "recovery-key", b.path("recovery.key"), "--public",
		b.path("backups/recovery.pub"))
	if !strings.Contains(out, "take "+b.path("recovery.key")+" off this machine") {
		b.t.Errorf("it says\n%s", out)
	}
	if info, err := os.Stat(b.path("recovery.key")); err != nil || info.Mode().Perm() != 0o600 {
		b.t.Errorf("the private half: %v, %v", info.Mode(), err)
	}
}

// TestBackupAndRestore: from the recovery key to the restored desk, by the commands alone.
func TestBackupAndRestore(t *testing.T) {
	b := newBackupBox(t, "")
	file, key := b.path("one.backup"), b.path("recovery.key")
	b.fails("", "there is no recovery key to seal a backup to (tokendesk recovery-key makes one)",
		"backup", file)
	b.works("", "there is no recovery key", "status")
	b.recoveryKey()
	b.fails("", "exists", "recovery-key", key, "--public", b.path("backups/recovery.pub"))
	out := b.works("", "leaves of the log, in ", "backup", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 ||
		!strings.Contains(out, fmt.Sprintf("%d bytes", info.Size())) {
		t.Errorf("%v, %v: %s", info.Mode(), err, out)
	}
	b.fails("", "is there already; nothing was written", "backup", file)
	b.works("", "is whole: desk icto-1 of um", "backup", "verify", file, "-recovery-key", key)
	b.fails("", "sealed to another recovery key", "backup", "verify", file, "-recovery-key",
		b.otherKey())
	// The configuration is there, and the desk is, too.
	b.fails("", "a restore needs an empty machine; nothing was changed", "restore", file,
		"-recovery-key", key, "-card", b.path("r.card"))

	// An empty machine has not even a configuration. Its folders are those of the backup.
	for _, gone := range []string{"state", "credentials", "verifier.json", "desk.toml"} {
		if err := os.RemoveAll(b.path(gone)); err != nil {
			t.Fatal(err)
		}
	}
	b.fails("", "sealed to another recovery key", "restore", file, "-recovery-key", b.otherKey(),
		"-card", b.path("r.card"))
	b.works("", "next: give "+b.path("r.card")+" to the verifier (verifierd desk accept-restore)",
		"restore", file, "-recovery-key", key, "-card", b.path("r.card"), "-feed-url",
		"https://127.0.0.1:9443")
	data, err := os.ReadFile(b.path("r.card"))
	if err != nil {
		t.Fatal(err)
	}
	card, err := feed.DecodeRestoreCard(data)
	if err != nil || card.Card.Desk != "icto-1" || card.Card.FeedURL != "https://127.0.0.1:9443" {
		t.Errorf("%+v, %v", card, err)
	}
	if config, err := os.ReadFile(b.path("desk.toml")); err != nil ||
		!strings.Contains(string(config), `feed_url = "https://127.0.0.1:9443"`) {
		t.Errorf("the configuration is\n%s%v", config, err)
	}
}

func (b *box) otherKey() string {
	b.t.Helper()
	path := b.path("other.key")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		b.works("", "made recovery key", "recovery-key", path, "--public", b.path("other.pub"))
	}
	return path
}

// TestNightlyBackup: old ones are dropped, a command carries the new one off, and what fails is
// said until one goes well.
func TestNightlyBackup(t *testing.T) {
	b := newBackupBox(t, "cp {file} DIR/away/")
	b.recoveryKey()
	if err := os.MkdirAll(b.path("backups/kept"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"01", "02", "03"} {
		b.write("backups/kept/icto-1-202001"+day+"T031000Z.backup", "old")
	}
	b.write("backups/kept/icto-2-20200101T031000Z.backup", "another desk's")
	b.fails("", "the command that carries it off the box failed: cp", "backup")
	b.works("", "FAILED", "status")
	kept, err := filepath.Glob(b.path("backups/kept/*"))
	if err != nil || len(kept) != 3 {
		t.Errorf("kept: %v, %v", kept, err)
	}
	if err := os.Mkdir(b.path("backups/away"), 0o700); err != nil {
		t.Fatal(err)
	}
	// The second of the same second would have its name.
	for _, path := range kept {
		if !strings.Contains(path, "icto-1-2020") && !strings.Contains(path, "icto-2") {
			if err := os.Rename(path, b.path("backups/kept/icto-1-20260101T000000Z.backup")); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.works("", "carried off the box by cp", "backup")
	if status := b.works("", "backup", "status"); strings.Contains(status, "FAILED") {
		t.Errorf("the status says\n%s", status)
	}
	away, err := filepath.Glob(b.path("backups/away/icto-1-*.backup"))
	if err != nil || len(away) != 1 {
		t.Errorf("carried off: %v, %v", away, err)
	}
	b.works("", "is whole", "backup", "verify", away[0], "-recovery-key", b.path("recovery.key"))
	if left, _ := filepath.Glob(b.path("backups/kept/.*new*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBackupOfAPart: when something is missing there is no file, and the desk says so.
func TestBackupOfAPart(t *testing.T) {
	b := newBackupBox(t, "")
	b.recoveryKey()
	if err := os.Remove(b.path("credentials/site-secret")); err != nil {
		t.Fatal(err)
	}
	b.fails("", "credential site-secret is missing", "backup", b.path("half.backup"))
	left, err := filepath.Glob(b.path("*half*"))
	hidden, err2 := filepath.Glob(b.path(".*half*"))
	if err != nil || err2 != nil || len(left)+len(hidden) > 0 {
		t.Errorf("left behind: %v %v", left, hidden)
	}
	b.works("", "none yet; FAILED", "status")
}
