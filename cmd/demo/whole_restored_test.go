package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// recoveryKey lets the desk make backups.
func (w *whole) recoveryKey() secret.Key {
	w.t.Helper()
	config, err := w.stage.config()
	if err != nil {
		w.t.Fatal(err)
	}
	return recoveryKey(w.t, config)
}

// backup makes a backup of the desk.
func (w *whole) backup(name string) string {
	w.t.Helper()
	config, err := w.stage.config()
	if err != nil {
		w.t.Fatal(err)
	}
	return makeBackup(w.t, config, filepath.Join(w.settings.state, name))
}

// backupWithout opens a backup with the recovery key, and what is sealed in it with the keys of
// verifier and escrow, and looks for the one who is gone, and for the one who stays.
func (w *whole) backupWithout(path string, key secret.Key, gone, stays provisioning.Person) {
	w.t.Helper()
	all := openBackup(w.t, path, key, w.holders())
	for where, data := range all {
		if names := personal(gone).found(data); names != nil {
			w.t.Errorf("in a backup from after the erasure, %s has %q", where, names)
		}
	}
	if names := personal(stays).found(all["every value of the store"]); len(names) < 7 {
		w.t.Errorf("of the one who stays a backup has only %q: the search proves nothing", names)
	}
}

// restoredFrom makes the desk of a backup anew, beside a copy of everything else, has the verifier
// accept that, and opens it.
func (w *whole) restoredFrom(backup string, key secret.Key) *whole {
	w.t.Helper()
	s := w.settings
	s.state = w.t.TempDir()
	copyAll(w.t, w.settings.state, s.state)
	dir := filepath.Join(s.state, "desk")
	if err := os.RemoveAll(dir); err != nil {
		w.t.Fatal(err)
	}
	plan := daemon.RestorePlan{Config: filepath.Join(s.state, "desk.toml"), File: backup, Key: key,
		Card: filepath.Join(s.state, "restore.card"), By: "operator:test"}
	text := fmt.Sprintf("desk = \"demo-1\"\nsite = %q\nstate = %q\ncredentials = %q\nverifier = %q\n"+
		"directory = %q\npin_alone = true\nfeed_url = \"https://127.0.0.1:1\"\n", s.site, dir,
		filepath.Join(dir, "credentials"), filepath.Join(dir, "verifier.json"),
		filepath.Join(dir, "people.csv"))
	if err := os.WriteFile(plan.Config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if _, err := daemon.Restore(w.t.Context(), plan); err != nil {
		w.t.Fatal(err)
	}
	w.accept(s.state, plan.Card)
	return begin(w.t, s, nil)
}

// accept has the verifier that lies in a folder accept a restore, and leaves the card where the
// stage looks for the desk's.
func (w *whole) accept(state, path string) {
	w.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	card, err := feed.DecodeRestoreCard(data)
	if err != nil {
		w.t.Fatal(err)
	}
	central, err := verifier.Open(filepath.Join(state, "verifier"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer central.Close()
	v, err := verifier.New(verifier.Config{State: central, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	if a, err := v.AcceptRestore(card, true); err != nil || !a.Accepted {
		w.t.Fatalf("accept the restore: %+v, %v", a, err)
	}
	public, err := card.Card.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	err = os.WriteFile(filepath.Join(state, "desk", "card.json"), public, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
}

// erasedAgain: a desk that was restored from before the erasure has erased the same person by
// itself, before it may issue anything. Nothing of them is found there, and the log verifies.
func (w *whole) erasedAgain(id string, gone, stays provisioning.Person) {
	w.t.Helper()
	w.until("the restored desk is accepted", func() bool {
		return !provisioning.StandingOf(w.desk.Snapshot()).Waiting
	})
	w.refuses(gone, "erase_unknown", "knows nobody")
	w.unalarmed()
	rows, err := w.client().Erasures(w.t.Context())
	if err != nil || len(rows) != 1 || rows[0].ID != id || !rows[0].Gone {
		w.t.Errorf("the erasures of the restored desk: %+v, %v", rows, err)
	}
	check, err := w.client().AuditVerify(w.t.Context(), []string{w.kept()})
	if err != nil || check.Erased < 20 {
		w.t.Errorf("the log of the restored desk: %+v, %v", check, err)
	}
	w.b.Client().CloseIdleConnections()
	w.stop()
	w.nothingOf(gone, stays, 2) // the seed of the one who stays
}

// copyAll copies a folder for its owner alone.
func copyAll(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
