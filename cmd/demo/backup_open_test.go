package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/backup"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// backupText is the configuration that a backup of a test carries.
const backupText = "desk = \"demo-1\"\n"

// makeBackup has a running desk make a backup, as the operator's command does.
func makeBackup(t testing.TB, config daemon.Config, path string) string {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	client := daemon.NewClient(config.Admin)
	err = client.Backup(t.Context(), daemon.BackupOrder{Config: backupText}, file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	report := daemon.BackupReport{File: filepath.Base(path), Written: true}
	if err := client.BackupEnded(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	return path
}

// openBackup is everything that a backup gives away: the file as it lies there; and, to whoever has
// the recovery key, each of its parts, and every value of the store that the desk's key among them
// opens.
func openBackup(t testing.TB, path string, key secret.Key, holders *bodies) map[string][]byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"the file": raw}
	r, err := backup.Open(bytes.NewReader(raw), key)
	if err != nil {
		t.Fatal(err)
	}
	for {
		name, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		data, rerr := io.ReadAll(r)
		if err := errors.Join(err, rerr); err != nil {
			t.Fatal(err)
		}
		all["the part "+name] = data
	}
	all["every value of the store"] = storeOfBackup(t, all["the part desk.db"],
		all["the part credential/desk-key"], holders)
	return all
}

func storeOfBackup(t testing.TB, store, text []byte, holders *bodies) []byte {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "desk.db")
	if err := os.WriteFile(path, store, 0o600); err != nil {
		t.Fatal(err)
	}
	return decrypted(t, path, "desk", key, holders)
}

// recoveryKey makes the key that opens a desk's backups: its public half where the desk looks for
// it, its private half far from there.
func recoveryKey(t testing.TB, config daemon.Config) secret.Key {
	t.Helper()
	private := filepath.Join(t.TempDir(), "recovery.key")
	if _, err := daemon.MakeRecoveryKey(private, config.Backup.Recovery); err != nil {
		t.Fatal(err)
	}
	key, err := daemon.ReadRecoveryKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
